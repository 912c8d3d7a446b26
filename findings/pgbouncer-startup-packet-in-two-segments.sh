#!/usr/bin/env bash
# pgbouncer: a startup packet that arrives in two segments is refused, but only if it is cut behind byte 7.
# Version: Debian pgbouncer 1.18.0-1+deb12u1
# Behaviour: PostgreSQL's startup packet has a length in front, so that a server can wait for the rest of it.
# pgbouncer waits for the first 8 bytes, and answers "client sent partial pkt in startup phase" (FATAL, 08P01)
# when the rest is not there yet. The same packet is accepted whole, and when it is cut at byte 3 or 7.
# Seen: whole R, cut at 3 R, cut at 7 R, cut at 8 E, cut at 20 E, cut at 35 E
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir"
apt-get download -qq pgbouncer=1.18.0-1+deb12u1 libevent-2.1-7 libc-ares2 libldap-2.5-0 libsasl2-2 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu"
cat >ask.py <<'PY'
import os, socket, struct, subprocess, sys, time
free = socket.socket()
free.bind(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
with open("pgbouncer.ini", "w") as f:
    f.write("[databases]\nx = host=127.0.0.1 port=1\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"
            "unix_socket_dir =\nauth_type = any\nadmin_users = me\n" % port)
user = ["-u", "nobody"] if os.getuid() == 0 else []
server = subprocess.Popen([sys.argv[1], *user, "pgbouncer.ini"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
body = struct.pack(">i", 3 << 16) + b"user\0me\0database\0pgbouncer\0\0"
packet = struct.pack(">i", len(body) + 4) + body
try:
    seen = []
    for cut in 0, 3, 7, 8, 20, len(packet) - 1:
        for _ in range(400):
            try:
                conn = socket.create_connection(("127.0.0.1", port), 10)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if cut:
            conn.sendall(packet[:cut])
            time.sleep(0.5)
        try:
            conn.sendall(packet[cut:])
        except OSError:
            pass  # it has answered and closed
        seen.append(("cut at %d " % cut if cut else "whole ") + conn.recv(1).decode())
        conn.close()
    print(", ".join(seen))
finally:
    server.kill()
    server.wait()
PY
got=$(python3 ask.py root/usr/sbin/pgbouncer)
echo "$got"
[ "$got" = 'whole R, cut at 3 R, cut at 7 R, cut at 8 E, cut at 20 E, cut at 35 E' ]
