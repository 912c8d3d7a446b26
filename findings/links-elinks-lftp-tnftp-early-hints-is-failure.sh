#!/usr/bin/env bash
# links, ELinks, lftp and tnftp: an answer that 103 Early Hints goes ahead of is a failure.
# Version: Debian links 2.28-1+b2, elinks 0.13.2-1+b4, lftp 4.9.2-2+b1, tnftp 20210827-4+b1
# Behaviour: a client must be able to parse 1xx responses that come before the final one, "even if the client does not
# expect one" (RFC 9110, section 15.2). 100 Continue, 102 Processing and 103 Early Hints are such. All four ask in
# HTTP/1.1, take 103 for the final response, end with status 1 and read nothing of the 200 and the 1000 bytes behind it.
# What they know differs: lftp knows 100 and 102, links and ELinks 100, tnftp none. aria2 reads the answer each time.
# Seen: aria2: 100: status 0, 1000 bytes; 102: status 0, 1000 bytes; 103: status 0, 1000 bytes
#       links: 100: status 0, 1000 bytes; 102: status 1, 0 bytes; 103: status 1, 0 bytes
#       elinks: 100: status 0, 1000 bytes; 102: status 1, 0 bytes; 103: status 1, 0 bytes
#       lftp: 100: status 0, 1000 bytes; 102: status 0, 1000 bytes; 103: status 1, 0 bytes
#       tnftp: 100: status 1, 0 bytes; 102: status 1, 0 bytes; 103: status 1, 0 bytes
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq links=2.28-1+b2 elinks=0.13.2-1+b4 lftp=4.9.2-2+b1 tnftp=20210827-4+b1 aria2=1.36.0-1 \
  liblz1 libgpm2 libtre5 libev4 liblua5.1-0 libfsplib0 libidn12 libc-ares2 libssh2-1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/usr/lib HOME=$dir
unset http_proxy
cat >run.py <<'PY'
import os, select, socket, subprocess, threading

def run(command, first):
    listener = socket.create_server(("127.0.0.1", 0))
    stop, wake = socket.socketpair()

    def serve():
        while listener in select.select([listener, stop], [], [], 90)[0]:
            conn, _ = listener.accept()
            request = b""
            while b"\r\n\r\n" not in request:
                request += conn.recv(4096)
            assert request.split(b"\r\n")[0].endswith(b"HTTP/1.1"), request
            conn.sendall(first + b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n"
                         b"Connection: close\r\n\r\n" + b"x" * 1000)
            conn.close()

    server = threading.Thread(target=serve)
    server.start()
    url = "http://127.0.0.1:%d/file" % listener.getsockname()[1]
    done = subprocess.run([part.replace("URL", url) for part in command], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=80)
    wake.close()
    server.join()
    listener.close()
    stop.close()
    body = done.stdout
    if os.path.exists("out"):
        with open("out", "rb") as f:
            body = f.read()
        os.remove("out")
    return "status %d, %d bytes" % (done.returncode, body.count(b"x"))

for name, command in {
    "aria2": ["root/usr/bin/aria2c", "-q", "--no-conf", "-o", "out", "URL"],
    "links": ["root/usr/bin/links", "-source", "URL"],
    "elinks": ["root/usr/bin/elinks", "-no-connect", "-dump", "URL"],
    "lftp": ["root/usr/bin/lftp", "--norc", "-c", "set net:max-retries 1; get URL -o out"],
    "tnftp": ["root/usr/bin/tnftp", "-o", "out", "URL"],
}.items():
    plain = run(command, b"")
    assert plain == "status 0, 1000 bytes", (name, plain)
    seen = ["%s: %s" % (status[:3], run(command, b"HTTP/1.1 " + status.encode() + header + b"\r\n\r\n"))
            for status, header in [("100 Continue", b""), ("102 Processing", b""),
                                   ("103 Early Hints", b"\r\nLink: </a.css>; rel=preload")]]
    print("%s: %s" % (name, "; ".join(seen)))
PY
got=$(python3 run.py)
echo "$got"
good='status 0, 1000 bytes' bad='status 1, 0 bytes'
[ "$got" = "aria2: 100: $good; 102: $good; 103: $good
links: 100: $good; 102: $bad; 103: $bad
elinks: 100: $good; 102: $bad; 103: $bad
lftp: 100: $good; 102: $good; 103: $bad
tnftp: 100: $bad; 102: $bad; 103: $bad" ]
