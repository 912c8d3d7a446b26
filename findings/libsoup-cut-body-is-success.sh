#!/usr/bin/env bash
# libsoup 3: with "Connection: close", 400 of 1000 bytes are a success; without that header they are an error.
# Version: Debian libsoup-3.0-0 3.2.3-0+deb12u2, from Python by way of gir1.2-soup-3.0
# Behaviour: the server announces 1000 bytes by Content-Length, sends 400 and closes. Session.send_and_read raises an
# error, as it should. If the same answer says that the connection will be closed, it returns the 400 bytes with status
# 200. A chunked body without its last chunk is a success too, with and without that header; one that ends inside a
# chunk is an error. RFC 9112, section 8, calls all of them incomplete.
# Seen: whole: 200, 1000 bytes
#       400 of 1000 bytes: Connection terminated unexpectedly
#       400 of 1000 bytes, Connection: close: 200, 400 bytes
#       without the last chunk: 200, 400 bytes
#       without the last chunk, Connection: close: 200, 400 bytes
#       end inside a chunk, Connection: close: Connection terminated unexpectedly
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
/usr/bin/python3 -c 'import gi' 2>/dev/null || { apt-get install -y -qq python3-gi >log 2>&1 || { cat log; exit 1; }; }
apt-get download -qq libsoup-3.0-0=3.2.3-0+deb12u2 gir1.2-soup-3.0=3.2.3-0+deb12u2 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu GI_TYPELIB_PATH=$dir/root/usr/lib/x86_64-linux-gnu/girepository-1.0
cat >run.py <<'PY'
import socket, threading
import gi
gi.require_version("Soup", "3.0")
from gi.repository import GLib, Soup

assert (Soup.get_major_version(), Soup.get_minor_version(), Soup.get_micro_version()) == (3, 2, 3)
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(60)

def serve(answer):
    conn, _ = listener.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += conn.recv(4096)
    conn.sendall(answer)
    conn.close()

def show(name, header, body):
    server = threading.Thread(target=serve, args=(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n" + body,))
    server.start()
    message = Soup.Message.new("GET", "http://127.0.0.1:%d/" % listener.getsockname()[1])
    try:
        got = Soup.Session(timeout=60).send_and_read(message, None)
        print("%s: %d, %d bytes" % (name, int(message.get_status()), got.get_size()))
    except GLib.Error as error:
        print("%s: %s" % (name, error.message))
    server.join()

length = b"Content-Length: 1000"
chunked = b"Transfer-Encoding: chunked"
close = b"\r\nConnection: close"
show("whole", length + close, b"x" * 1000)
show("400 of 1000 bytes", length, b"x" * 400)
show("400 of 1000 bytes, Connection: close", length + close, b"x" * 400)
show("without the last chunk", chunked, b"190\r\n" + b"x" * 400 + b"\r\n")
show("without the last chunk, Connection: close", chunked + close, b"190\r\n" + b"x" * 400 + b"\r\n")
show("end inside a chunk, Connection: close", chunked + close, b"3e8\r\n" + b"x" * 400)
PY
got=$(env -u http_proxy -u HTTP_PROXY LC_ALL=C /usr/bin/python3 run.py)
echo "$got"
[ "$got" = 'whole: 200, 1000 bytes
400 of 1000 bytes: Connection terminated unexpectedly
400 of 1000 bytes, Connection: close: 200, 400 bytes
without the last chunk: 200, 400 bytes
without the last chunk, Connection: close: 200, 400 bytes
end inside a chunk, Connection: close: Connection terminated unexpectedly' ]
