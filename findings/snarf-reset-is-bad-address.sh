#!/usr/bin/env bash
# snarf: a reset is reported as "write: Bad address"; an end that comes too early is a success.
# Version: Debian snarf 7.0-9+b1
# Behaviour: the server announces 1000 bytes and sends 400. Where it resets then, read returns -1, and snarf
# writes as many bytes to the file: the kernel refuses a length of 2^64-1 with EFAULT. The user reads of a bad
# address, and nothing of the network. Where the server closes then, snarf keeps 400 bytes and exits with 0.
# Seen: reset: exit 1, 400 bytes, write: Bad address
#       close: exit 0, 400 bytes,
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq snarf=7.0-9+b1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
cat >probe.py <<'END'
import os, socket, struct, subprocess, sys, threading
def serve(server, reset):
    conn, _ = server.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + b"x" * 400)
    # The kernel says when the client has acknowledged all: TCP_INFO's tcpi_unacked, at offset 24.
    while struct.unpack_from("I", conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]:
        pass
    if reset:
        while not os.path.exists("out") or os.path.getsize("out") < 400:
            pass  # until the client has taken them: a reset throws away what was not read
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
for name, reset in ("reset", True), ("close", False):
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(server, reset), daemon=True).start()
    p = subprocess.run([sys.argv[1], "http://127.0.0.1:%d/file" % server.getsockname()[1], "out"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    print(("%s: exit %d, %d bytes, %s" % (name, p.returncode, os.path.getsize("out"), p.stderr.strip())).strip())
    os.remove("out")
END
got=$(python3 probe.py "$dir/root/usr/bin/snarf")
echo "$got"
[ "$got" = 'reset: exit 1, 400 bytes, write: Bad address
close: exit 0, 400 bytes,' ]
