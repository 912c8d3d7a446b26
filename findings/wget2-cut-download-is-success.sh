#!/usr/bin/env bash
# wget2: a download that the server cuts off is a success, by FIN as well as by a reset.
# Version: Debian wget2 1.99.1-2.2
# Behaviour: the server announces 1000 bytes, sends 400 and closes or resets. wget2 notes "Just got 400 of 1000 bytes",
# keeps the 400 bytes, does not try again, although --tries allows it, and ends with status 0, although its manual has
# status 4 for a network failure. Of a chunked body that ends inside a chunk it says nothing at all.
# Seen: whole: status 0, 1000 bytes, 1 connection
#       400 of 1000, FIN: status 0, 400 bytes, 1 connection
#       400 of 1000, RST: status 0, 400 bytes, 1 connection
#       inside a chunk, FIN: status 0, 400 bytes, 1 connection
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq wget2=1.99.1-2.2 libwget0=1.99.1-2.2 libgpgme11 libassuan0 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib:$dir/root/usr/lib/x86_64-linux-gnu HOME=$dir
cat >run.py <<'PY'
import os, select, socket, struct, subprocess, sys, threading, time

def size_of(path):
    return os.path.getsize(path) if os.path.exists(path) else 0

def play(name, header, body, reset=False):
    listener = socket.create_server(("127.0.0.1", 0))
    stop, wake = socket.socketpair()
    connections = []

    def serve():
        while listener in select.select([listener, stop], [], [], 90)[0]:
            conn, _ = listener.accept()
            connections.append(conn)
            request = b""
            while b"\r\n\r\n" not in request:
                request += conn.recv(4096)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + header + b"\r\n\r\n" + body)
            if reset:
                time.sleep(1)  # wget2 has read what came
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            conn.close()

    server = threading.Thread(target=serve)
    server.start()
    out = name.replace(" ", "-").replace(",", "")
    done = subprocess.run([sys.argv[1], "--no-config", "--no-proxy", "--tries=3", "--waitretry=1", "-q", "-O", out,
                           "http://127.0.0.1:%d/" % listener.getsockname()[1]], capture_output=True, timeout=80)
    wake.close()
    server.join()
    listener.close()
    stop.close()
    print("%s: status %d, %d bytes, %d connection" % (name, done.returncode, size_of(out), len(connections)))

length = b"Content-Length: 1000"
play("whole", length, b"x" * 1000)
play("400 of 1000, FIN", length, b"x" * 400)
play("400 of 1000, RST", length, b"x" * 400, reset=True)
play("inside a chunk, FIN", b"Transfer-Encoding: chunked", b"3e8\r\n" + b"x" * 400)
PY
got=$(python3 run.py root/usr/bin/wget2)
echo "$got"
[ "$got" = 'whole: status 0, 1000 bytes, 1 connection
400 of 1000, FIN: status 0, 400 bytes, 1 connection
400 of 1000, RST: status 0, 400 bytes, 1 connection
inside a chunk, FIN: status 0, 400 bytes, 1 connection' ]
