#!/usr/bin/env bash
# puf: five connections that are all reset, no file, and exit status 0.
# Version: Debian puf 1.0.0-7+b2
# Behaviour: the server announces 1000 bytes, sends 400 and resets, each time. puf tries five times, writes no file,
# says nothing on standard error and exits with 0: a script goes on as if it had the file.
# Seen: exit 0, 5 connections, no file, nothing on standard error
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq puf=1.0.0-7+b2 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
cat >probe.py <<'END'
import os, socket, struct, subprocess, sys, threading
server = socket.create_server(("127.0.0.1", 0))
connections = 0
def serve():
    global connections
    while True:
        conn, _ = server.accept()
        connections += 1
        request = b""
        while b"\r\n\r\n" not in request:
            request += conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + b"x" * 400)
        # The kernel says when the client has acknowledged all: TCP_INFO's tcpi_unacked, at offset 24.
        while struct.unpack_from("I", conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]:
            pass
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        threading.Timer(0.3, conn.close).start()  # when the client has read what came
threading.Thread(target=serve, daemon=True).start()
p = subprocess.run([sys.argv[1], "http://127.0.0.1:%d/file" % server.getsockname()[1]],
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
print("exit %d, %d connections, %s, %s on standard error" % (p.returncode, connections, "a file" if os.path.exists("file") else "no file", "something" if p.stderr else "nothing"))
END
got=$(python3 probe.py "$dir/root/usr/bin/puf")
echo "$got"
[ "$got" = 'exit 0, 5 connections, no file, nothing on standard error' ]
