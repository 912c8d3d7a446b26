#!/usr/bin/env bash
# nginx: a client that resets in the middle of a request body stays in the books as a keep-alive connection.
# Version: Debian nginx 1.22.1-9+deb12u11
# Behaviour: a location answers 404 before the body has come, and nginx reads on and throws the body away. When the
# client then resets, nginx reads ECONNRESET and logs it, but keeps the dead connection, as an active one, until
# keepalive_timeout has passed: by default 75 s. A client that resets between two requests is gone at once.
# Seen: reset between two requests: gone at once
#       reset in the middle of a body: logged at once, gone after keepalive_timeout
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq nginx=1.22.1-9+deb12u11 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
mkdir temp
cat >run.py <<'PY'
import os, socket, struct, subprocess, time

keepalive = 20
free = socket.create_server(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
here = os.getcwd()
temps = "".join(f"{kind}_temp_path {here}/temp; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
with open("nginx.conf", "w") as conf:
    conf.write(f"""daemon off; master_process off; pid {here}/pid; events {{}}
http {{ access_log off; {temps} keepalive_timeout {keepalive};
server {{ listen 127.0.0.1:{port}; location / {{ return 404; }} location = /status {{ stub_status; }} }} }}""")

def connect():
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), 60)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("nginx does not listen")

def active():
    with connect() as conn:
        conn.sendall(b"GET /status HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := conn.recv(4096):
            answer += piece
    return int(answer.split(b"Active connections:")[1].split()[0])

def logged():
    with open("error.log") as log:
        return "Connection reset by peer" in log.read()

def alone_after(request):
    """The seconds from the reset until nginx counts no connection but the one that asks."""
    conn = connect()
    conn.sendall(request)
    while b"</html>" not in conn.recv(65536):
        pass
    assert active() == 2
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    start = time.monotonic()
    seen = None
    while active() > 1:
        if seen is None and logged():
            seen = time.monotonic() - start
        if time.monotonic() - start > 60:
            raise SystemExit("still counted after 60 s")
        time.sleep(0.1)
    return time.monotonic() - start, seen

server = subprocess.Popen(["root/usr/sbin/nginx", "-p", here, "-c", here + "/nginx.conf", "-e", here + "/error.log",
                           "-g", "error_log %s/error.log info;" % here], stderr=subprocess.DEVNULL)
try:
    idle, _ = alone_after(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    body, seen = alone_after(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
finally:
    server.terminate()
    server.wait()
print("reset between two requests: gone " + ("at once" if idle < 5 else "after %.1f s" % idle))
print("reset in the middle of a body: logged %s, gone %s" % (
    "at once" if seen is not None and seen < 5 else seen,
    "after keepalive_timeout" if keepalive - 2 < body < keepalive + 15 else "after %.1f s" % body))
PY
got=$(python3 run.py)
echo "$got"
[ "$got" = 'reset between two requests: gone at once
reset in the middle of a body: logged at once, gone after keepalive_timeout' ]
