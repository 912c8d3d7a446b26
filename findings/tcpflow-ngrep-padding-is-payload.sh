#!/usr/bin/env bash
# tcpflow and ngrep: the padding of a short Ethernet frame becomes bytes of the TCP stream.
# Version: Debian tcpflow 1.6.1-2+b1, ngrep 1.47+ds1-5+b1
# Behaviour: Ethernet has a smallest frame, so a short segment is padded with zeros on its way; the padding is no part of
# the IP packet, whose header says where that ends (RFC 894). Both tools take the end of the frame for the end of the
# segment. In a capture of a request of 30 bytes, tcpflow writes six zero bytes behind it and behind the answer, makes a
# second connection of six bytes that never was, and complains of "SYN with data". A keep-alive probe in the middle, which
# stands for a byte that was there already (RFC 9293, section 3.8.4), puts a zero in the place of that byte. ngrep finds a
# payload in segments that have none. With the same capture before it was padded, as its sender sees it, both are right.
# Seen: (tcpflow: the files, with a dot for a zero byte; ngrep: segments with a payload)
#       not padded: tcpflow AAAAAAAAAABBBBBBBBBBCCCCCCCCCC reply; ngrep 5 of 11
#       padded: tcpflow AAAAAAAAA.BBBBBBBBBBCCCCCCCCCC...... ...... reply......; ngrep 11 of 11
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq tcpflow=1.6.1-2+b1 ngrep=1.47+ds1-5+b1 libhttp-parser2.9 libnet1 libpcap0.8 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat >capture.py <<'PY'
import struct

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
conversation = [
    (True, 1000, 0, SYN, b""), (False, 5000, 1001, SYN | ACK, b""), (True, 1001, 5001, ACK, b""),
    (True, 1001, 5001, PUSH | ACK, b"A" * 10), (True, 1010, 5001, ACK, b"\0"), (True, 1011, 5001, PUSH | ACK, b"B" * 10),
    (True, 1021, 5001, PUSH | ACK, b"C" * 10), (False, 5001, 1031, PUSH | ACK, b"reply"),
    (True, 1031, 5006, FIN | ACK, b""), (False, 5006, 1032, FIN | ACK, b""), (True, 1032, 5007, ACK, b""),
]
for name, smallest in ("not padded", 0), ("padded", 60):
    with open(name, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, segment in enumerate(conversation):
            data = frame(segment, number).ljust(smallest, b"\0")
            out.write(struct.pack("<IIII", 1700000000 + number, 0, len(data), len(data)) + data)
PY
python3 capture.py
show() {
  rm -rf flows
  mkdir flows
  root/usr/bin/tcpflow -q -r "$1" -o flows >log 2>&1
  files=$(for file in flows/010.*; do tr '\0' . <"$file"; echo; done)
  matches=$(root/usr/bin/ngrep -q -I "$1" . 2>/dev/null </dev/null | grep -c '^T ')
  echo "$1: tcpflow" $files"; ngrep $matches of 11"
}
got=$(show 'not padded'; show 'padded')
echo "$got"
[ "$got" = 'not padded: tcpflow AAAAAAAAAABBBBBBBBBBCCCCCCCCCC reply; ngrep 5 of 11
padded: tcpflow AAAAAAAAA.BBBBBBBBBBCCCCCCCCCC...... ...... reply......; ngrep 11 of 11' ]
