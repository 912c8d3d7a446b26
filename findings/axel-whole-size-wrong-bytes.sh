#!/usr/bin/env bash
# axel: after a download that resets cut off, exit status 0, the full size and the wrong bytes.
# Version: Debian axel 2.17.11-3
# Behaviour: the server announces 1000 bytes, sends 400 and resets. axel asks for the rest by a range; the
# server answers 200 with the whole again, as RFC 9110 §14.2 permits. axel takes the first bytes of that for
# the missing ones, and ends with status 0: neither the status nor the size tells that the file is wrong.
# Seen: exit 0, 1000 bytes, not the content
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq axel=2.17.11-3 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
cat >probe.py <<'END'
import socket, struct, subprocess, sys, threading
content = b"".join(b"%09d\n" % n for n in range(100))
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(8)
def answer():
    while True:
        conn, _ = server.accept()
        while b"\r\n\r\n" not in conn.recv(65536):
            pass
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + content[:400])
        # The kernel says when the client has acknowledged all: TCP_INFO's tcpi_unacked, at offset 24.
        while struct.unpack_from("I", conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]:
            pass
        threading.Timer(0.3, reset, [conn]).start()
def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
threading.Thread(target=answer, daemon=True).start()
p = subprocess.run([sys.argv[1], "-q", "-n", "1", "-o", "out", "http://127.0.0.1:%d/file" % server.getsockname()[1]],
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
body = open("out", "rb").read()
print("exit %d, %d bytes, %s" % (p.returncode, len(body), "the content" if body == content else "not the content"))
END
got=$(python3 probe.py "$dir/root/usr/bin/axel")
echo "$got"
[ "$got" = 'exit 0, 1000 bytes, not the content' ]
