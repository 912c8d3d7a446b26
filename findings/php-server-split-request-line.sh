#!/usr/bin/env bash
# php -S: a request whose first segment ends inside the path is refused.
# Version: Debian php8.2-cli 8.2.36-1~deb12u1
# Behaviour: PHP's development server parses what the first read returned. If that ends inside the path
# of the request line, it logs "Malformed HTTP request" and closes without an answer. A cut inside the
# method, the version or a header is fine.
# Seen: whole: HTTP/1.1 200 OK; cut in the path: ""; cut in a header: HTTP/1.1 200 OK
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq php8.2-cli=8.2.36-1~deb12u1 libargon2-1 libsodium23 libxml2 libicu72 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu"
mkdir www && echo hello >www/hello.txt
cat >probe.py <<'END'
import socket, subprocess, sys, threading, time
taken = socket.socket()
taken.bind(("127.0.0.1", 0))
port = taken.getsockname()[1]
taken.close()
server = subprocess.Popen([sys.argv[1], "-n", "-q", "-S", "127.0.0.1:%d" % port, "-t", "www"], stderr=subprocess.DEVNULL)
def dial():
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("the server does not listen")
def ask(*segments):
    conn = dial()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i, s in enumerate(segments):
        try:
            conn.sendall(s)
        except OSError:
            break
        time.sleep(0.3 if i + 1 < len(segments) else 0)
    try:
        return conn.makefile("rb").readline().decode().strip()
    except ConnectionResetError:
        return ""
request = b"GET /hello.txt HTTP/1.1\r\nHost: example.test\r\n\r\n"
try:
    print('whole: %s; cut in the path: "%s"; cut in a header: %s' % (ask(request), ask(request[:8], request[8:]), ask(request[:30], request[30:])))
finally:
    server.kill()
    server.wait()
END
got=$(python3 probe.py "$dir/root/usr/bin/php8.2")
echo "$got"
[ "$got" = 'whole: HTTP/1.1 200 OK; cut in the path: ""; cut in a header: HTTP/1.1 200 OK' ]
