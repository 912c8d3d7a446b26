#!/usr/bin/env bash
# gearmand: one text protocol, two line ends.
# Version: Debian gearman-job-server 1.1.20+ds-1
# Behaviour: on one connection the administrative commands `version`, `getpid` and `status` are answered with
# lines that end in LF, while `create function`, `maxqueue` and every error end in CR LF. A client that reads
# up to CR LF never gets the answer to `version`; one that reads up to LF finds a CR at the end of "OK".
# Seen: version LF, getpid LF, status LF, create function CRLF, maxqueue CRLF, bogus CRLF
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq gearman-job-server=1.1.20+ds-1 libboost-program-options1.74.0 libevent-2.1-7 libevent-pthreads-2.1-7 \
	libhiredis0.14 libmariadb3 libmemcached11 libhashkit2 libpq5 libldap-2.5-0 libsasl2-2 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
lib=$dir/root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$lib:$lib/mariadb
cat >ask.py <<'PY'
import socket, subprocess, sys, time
free = socket.socket()
free.bind(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
server = subprocess.Popen([sys.argv[1], "--listen=127.0.0.1", "--port=%d" % port, "--log-file=none", "-u", "root"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(400):
        try:
            conn = socket.create_connection(("127.0.0.1", port), 10)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    seen = []
    for command in "version", "getpid", "status", "create function x", "maxqueue x 5", "bogus":
        conn.sendall(command.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += conn.recv(4096)
        name = " ".join(word for word in command.split() if word not in ("x", "5"))
        seen.append(name + (" CRLF" if answer.endswith(b"\r\n") else " LF"))
    print(", ".join(seen))
finally:
    server.kill()
    server.wait()
PY
got=$(python3 ask.py root/usr/sbin/gearmand)
echo "$got"
[ "$got" = 'version LF, getpid LF, status LF, create function CRLF, maxqueue CRLF, bogus CRLF' ]
