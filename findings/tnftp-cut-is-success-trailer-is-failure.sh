#!/usr/bin/env bash
# tnftp: half a file is a success, and a whole one with a trailer is a failure.
# Version: Debian tnftp 20210827-4+b1
# Behaviour: the server announces 1000 bytes by Content-Length, sends 400 or none and closes. tnftp, which has read that
# header for its progress bar, ends with status 0 and says nothing, although the message is incomplete (RFC 9112, section
# 8). A chunked body with a trailer field behind its last chunk, as section 7.1.2 has it, is written whole, all 1000
# bytes; then tnftp says "Unexpected data following chunk" and ends with status 1. So a script that trusts the status
# keeps the half and throws the whole away. A chunked body that is cut is a failure, as it should be.
# Seen: whole: status 0, 1000 bytes, standard error empty
#       400 of 1000: status 0, 400 bytes, standard error empty
#       0 of 1000: status 0, 0 bytes, standard error empty
#       chunked: status 0, 1000 bytes, standard error empty
#       chunked, trailer: status 1, 1000 bytes, Unexpected data following chunk
#       chunked, cut: status 1, 400 bytes, Unexpected EOF reading chunk CRLF
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq tnftp=20210827-4+b1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export HOME=$dir
unset http_proxy
cat >run.py <<'PY'
import os, socket, subprocess, sys, threading

def play(name, framing, body):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(90)

    def serve():
        conn, _ = listener.accept()
        request = b""
        while b"\r\n\r\n" not in request:
            request += conn.recv(4096)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + framing + b"\r\n\r\n" + body)
        conn.close()

    server = threading.Thread(target=serve)
    server.start()
    done = subprocess.run([sys.argv[1], "-o", "out", "http://127.0.0.1:%d/file" % listener.getsockname()[1]],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=80)
    server.join()
    listener.close()
    said = done.stderr.strip().removeprefix("tnftp: ") or "standard error empty"
    print("%s: status %d, %d bytes, %s" % (name, done.returncode, os.path.getsize("out"), said))
    os.remove("out")

length, chunked, data = b"Content-Length: 1000", b"Transfer-Encoding: chunked", b"x" * 1000
play("whole", length, data)
play("400 of 1000", length, data[:400])
play("0 of 1000", length, b"")
play("chunked", chunked, b"3e8\r\n" + data + b"\r\n0\r\n\r\n")
play("chunked, trailer", chunked, b"3e8\r\n" + data + b"\r\n0\r\nServer-Timing: db;dur=3\r\n\r\n")
play("chunked, cut", chunked, b"3e8\r\n" + data[:400])
PY
got=$(python3 run.py root/usr/bin/tnftp)
echo "$got"
[ "$got" = 'whole: status 0, 1000 bytes, standard error empty
400 of 1000: status 0, 400 bytes, standard error empty
0 of 1000: status 0, 0 bytes, standard error empty
chunked: status 0, 1000 bytes, standard error empty
chunked, trailer: status 1, 1000 bytes, Unexpected data following chunk
chunked, cut: status 1, 400 bytes, Unexpected EOF reading chunk CRLF' ]
