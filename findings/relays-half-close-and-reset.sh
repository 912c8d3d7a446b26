#!/usr/bin/env bash
# Four TCP relays: a half-close loses the answer, and a reset arrives as a proper end.
# Version: Debian rinetd 0.73-1, redir 3.3-1, simpleproxy 3.5-1+b2, sslh 1.20-1+deb12u1
# Behaviour: TCP's two directions end on their own (RFC 9293, section 3.6). All four close both when one has ended:
# a client that ends its request by a half-close gets no byte of the answer, and then FIN. And all four make FIN out
# of RST: where the server broke off, the client behind the relay sees the proper end of a stream.
# Seen: rinetd: half-close 0 of 6 bytes then FIN, reset becomes FIN
#       (redir, simpleproxy, sslh: the same; without a relay: half-close 6 of 6 bytes then FIN, reset becomes RST)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq rinetd=0.73-1 redir=3.3-1 simpleproxy=3.5-1+b2 sslh=1.20-1+deb12u1 libconfig9 libpcre3 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
cat >run.py <<'PY'
import os, signal, socket, struct, subprocess, time

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]

def command(name, listen, target):
    here, there = "127.0.0.1:%d" % listen, "127.0.0.1:%d" % target
    if name == "rinetd":
        with open("rinetd.conf", "w") as f:
            f.write("127.0.0.1 %d 127.0.0.1 %d\n" % (listen, target))
    return {
        "rinetd": ["root/usr/sbin/rinetd", "-f", "-c", "rinetd.conf"],
        "redir": ["root/usr/bin/redir", "-n", here, there],
        "simpleproxy": ["root/usr/bin/simpleproxy", "-L", here, "-R", there],
        "sslh": ["root/usr/sbin/sslh", "-f", "--listen", here, "--anyprot", there],
    }[name]

def connect(port):
    for _ in range(3000):
        try:
            return socket.create_connection(("127.0.0.1", port), 60)
        except ConnectionRefusedError:
            time.sleep(0.02)

def read_all(conn):
    got = b""
    try:
        while piece := conn.recv(100):
            got += piece
        return len(got), "FIN"
    except ConnectionResetError:
        return len(got), "RST"

def pair(target, port):
    client = connect(port)
    client.sendall(b"hello\n")
    while True:
        server, _ = target.accept()
        server.settimeout(60)
        if server.recv(100):
            return client, server

def measure(target, port):
    client, server = pair(target, port)
    client.shutdown(socket.SHUT_WR)
    read_all(server)
    try:
        server.sendall(b"HELLO\n")
    except OSError:
        pass
    server.close()
    got, end = read_all(client)
    client, server = pair(target, port)
    server.sendall(b"HEL")
    client.recv(3, socket.MSG_WAITALL)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    return "half-close %d of 6 bytes then %s, reset becomes %s" % (got, end, read_all(client)[1])

for name in ["no relay", "rinetd", "redir", "simpleproxy", "sslh"]:
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(60)
        port = target.getsockname()[1]
        if name == "no relay":
            print("no relay: " + measure(target, port))
            continue
        listen = free_port()
        relay = subprocess.Popen(command(name, listen, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        try:
            print("%s: %s" % (name, measure(target, listen)))
        finally:
            os.killpg(relay.pid, signal.SIGKILL)  # they fork
            relay.wait()
PY
got=$(python3 run.py)
echo "$got"
cut='half-close 0 of 6 bytes then FIN, reset becomes FIN'
[ "$got" = "no relay: half-close 6 of 6 bytes then FIN, reset becomes RST
rinetd: $cut
redir: $cut
simpleproxy: $cut
sslh: $cut" ]
