#!/usr/bin/env bash
# siege: an answer that a reset or an early close cuts is a successful transaction.
# Version: Debian siege 4.0.7-1+b1
# Behaviour: the server announces 1000 bytes and sends 400. Where it closes then, siege says nothing and counts a
# hit. Where it resets then, siege prints the error and counts a hit as well: 0 failed transactions, and an
# availability of 100 %, by both of which load tests are judged.
# Seen: close: 1 transactions, 0 failed, availability 100.00
#       reset: 1 transactions, 0 failed, availability 100.00
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq siege=4.0.7-1+b1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
cat >siegerc <<'END'
verbose = false
logging = false
json_output = true
parser = false
END
cat >probe.py <<'END'
import json, os, socket, struct, subprocess, sys, threading
def serve(server, reset):
    conn, _ = server.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + b"x" * 400)
    # The kernel says when the client has acknowledged all: TCP_INFO's tcpi_unacked, at offset 24.
    while struct.unpack_from("I", conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]:
        pass
    if reset:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        threading.Timer(0.3, conn.close).start()  # when the client has read what came
    else:
        conn.close()
for name, reset in ("close", False), ("reset", True):
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(server, reset), daemon=True).start()
    p = subprocess.run([sys.argv[1], "-R", "siegerc", "-c1", "-r1", "http://127.0.0.1:%d/file" % server.getsockname()[1]],
                       env=dict(os.environ, HOME=os.getcwd()), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    r = json.loads(p.stdout[p.stdout.index("{"):])
    print("%s: %d transactions, %d failed, availability %.2f" % (name, r["transactions"], r["failed_transactions"], r["availability"]))
END
got=$(python3 probe.py "$dir/root/usr/bin/siege")
echo "$got"
[ "$got" = 'close: 1 transactions, 0 failed, availability 100.00
reset: 1 transactions, 0 failed, availability 100.00' ]
