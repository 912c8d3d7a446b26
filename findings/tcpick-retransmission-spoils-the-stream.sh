#!/usr/bin/env bash
# tcpick: one retransmission is enough to spoil the stream that it rebuilds.
# Version: Debian tcpick 0.2.1-10
# Behaviour: -wR writes the bytes of each stream to a file; the manual says that "the flow is rebuilded, reordered and the
# duplicates are dropped" and that files come out "without data corruption". It does reorder. But where a segment was
# sent twice before its acknowledgement, it stands there twice and the last bytes are lost; where a retransmission
# carries more than the first copy, as TCP may join what it sends again, the new part is lost, or one part is there
# twice. Each time the status is 0, and standard error is empty. Every segment is acknowledged as a receiver does it.
# Seen: (A, B and C are ten bytes each)
#       in order: status 0, ABC
#       C before B: status 0, ABC
#       B sent twice: status 0, ABB
#       A sent again, together with B: status 0, AC
#       C before B, B sent again, together with C: status 0, ABCC
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq tcpick=0.2.1-10 libpcap0.8 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat >run.py <<'PY'
import struct, subprocess, sys, tempfile

def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF

def frame(segment, number):
    client, seq, ack, flags, data = segment
    ends = [b"\x0a\0\0\1", b"\x0a\0\0\2"]
    ports = [40000, 7777]
    if not client:
        ends.reverse(), ports.reverse()
    tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 65535, 0, 0) + data
    pseudo = ends[0] + ends[1] + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + b"\0" * (len(tcp) % 2))) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), number, 0, 64, 6, 0) + ends[0] + ends[1]
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + tcp

FIN, SYN, PUSH, ACK = 1, 2, 8, 16
A, B, C = b"A" * 10, b"B" * 10, b"C" * 10

def sent(seq, data):
    return (True, seq, 5001, PUSH | ACK, data)

def acked(upto):
    return (False, 5001, upto, ACK, b"")

def capture(middle):
    start = [(True, 1000, 0, SYN, b""), (False, 5000, 1001, SYN | ACK, b""), (True, 1001, 5001, ACK, b"")]
    end = [(False, 5001, 1031, PUSH | ACK, b"reply"), (True, 1031, 5006, FIN | ACK, b""),
           (False, 5006, 1032, FIN | ACK, b""), (True, 1032, 5007, ACK, b"")]
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, segment in enumerate(start + middle + end):
        data = frame(segment, number)
        out += struct.pack("<IIII", 1700000000 + number, 0, len(data), len(data)) + data
    return out

def rebuilt(middle):
    with tempfile.TemporaryDirectory(dir=".") as folder:
        with open(folder + "/in.pcap", "wb") as f:
            f.write(capture(middle))
        done = subprocess.run([sys.argv[1], "-r", "in.pcap", "-wR"], cwd=folder, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
        with open(folder + "/tcpick__10.0.0.2_7777.serv.dat", "rb") as f:
            data = f.read()
    assert not done.stderr, done.stderr
    return done.returncode, "".join({A: "A", B: "B", C: "C"}[data[i:i + 10]] for i in range(0, len(data), 10))

for name, middle in {
    "in order": [sent(1001, A), acked(1011), sent(1011, B), acked(1021), sent(1021, C), acked(1031)],
    "C before B": [sent(1001, A), acked(1011), sent(1021, C), acked(1011), sent(1011, B), acked(1031)],
    "B sent twice": [sent(1001, A), acked(1011), sent(1011, B), sent(1011, B), acked(1021), sent(1021, C), acked(1031)],
    "A sent again, together with B": [sent(1001, A), acked(1011), sent(1001, A + B), acked(1021), sent(1021, C), acked(1031)],
    "C before B, B sent again, together with C": [sent(1001, A), acked(1011), sent(1021, C), acked(1011), sent(1011, B + C),
                                                  acked(1031)],
}.items():
    print("%s: status %d, %s" % (name, *rebuilt(middle)))
PY
got=$(python3 run.py "$dir/root/usr/sbin/tcpick")
echo "$got"
[ "$got" = 'in order: status 0, ABC
C before B: status 0, ABC
B sent twice: status 0, ABB
A sent again, together with B: status 0, AC
C before B, B sent again, together with C: status 0, ABCC' ]
