#!/usr/bin/env bash
# gearadmin: the first segment of an answer is taken for all of it.
# Version: Debian gearman-tools 1.1.20+ds-1, libgearman8 1.1.20+ds-1
# Behaviour: the answer to `status` is a list of lines that a line with one dot ends. gearadmin prints what its first
# read returns and ends with status 0, whether the dot was in it or not: a list that takes two segments loses its end,
# and a line can lose its last columns. Nothing tells a script that reads it.
# Seen: in one segment: 3 lines, ends with the dot, status 0
#       second line later: 1 lines, no dot, status 0, ended before the rest was sent
#       cut inside a line: 0 lines, no dot, status 0, ended before the rest was sent
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq gearman-tools=1.1.20+ds-1 libgearman8=1.1.20+ds-1 libevent-2.1-7 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat >run.py <<'PY'
import socket, subprocess, sys

def play(what, first, rest=b""):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(60)
    port = listener.getsockname()[1]
    client = subprocess.Popen([sys.argv[1], "--host=127.0.0.1", "--port=%d" % port, "--status"], stdout=subprocess.PIPE)
    conn, _ = listener.accept()
    conn.recv(100)
    conn.sendall(first)
    note = ""
    if rest:
        client.wait(60)
        note = ", ended before the rest was sent"
    out, _ = client.communicate(timeout=60)
    dot = "ends with the dot" if out.endswith(b"\n.\n") else "no dot"
    print("%s: %d lines, %s, status %d%s" % (what, out.count(b"\n"), dot, client.returncode, note))

play("in one segment", b"a\t1\t0\t1\nb\t2\t0\t1\n.\n")
play("second line later", b"a\t1\t0\t1\n", b"b\t2\t0\t1\n.\n")
play("cut inside a line", b"a\t1\t0", b"\t1\nb\t2\t0\t1\n.\n")
PY
got=$(python3 run.py root/usr/bin/gearadmin)
echo "$got"
[ "$got" = 'in one segment: 3 lines, ends with the dot, status 0
second line later: 1 lines, no dot, status 0, ended before the rest was sent
cut inside a line: 0 lines, no dot, status 0, ended before the rest was sent' ]
