#!/usr/bin/env bash
# socat: a connection that a reset ends is a success, as one that FIN ends.
# Version: Debian socat 1.7.4.4-2
# Behaviour: socat prints what it got before the reset and exits with status 0. ECONNRESET is written at
# level warning only, so that a script cannot tell a cut answer from a whole one by the status.
# Seen: after FIN: exit 0, 400 bytes; after RST: exit 0, 400 bytes
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq socat=1.7.4.4-2 libwrap0 libnsl2 libtirpc3 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu"
cat >probe.py <<'END'
import os, socket, struct, subprocess, sys, threading
def ask(reset):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    def answer():
        conn, _ = server.accept()
        conn.recv(100)
        conn.sendall(b"x" * 400)
        got.wait()  # the client has printed all that came
        if reset:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
    got = threading.Event()
    thread = threading.Thread(target=answer)
    thread.start()
    p = subprocess.Popen([sys.argv[1], "-t", "5", "-", "TCP:127.0.0.1:%d" % server.getsockname()[1]],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p.stdin.write(b"hello\n")
    p.stdin.flush()
    out = b""
    while len(out) < 400:
        out += os.read(p.stdout.fileno(), 400)
    got.set()
    out += p.stdout.read()
    thread.join()
    return "exit %d, %d bytes" % (p.wait(), len(out))
print("after FIN: %s; after RST: %s" % (ask(False), ask(True)))
END
got=$(python3 probe.py "$dir/root/usr/bin/socat")
echo "$got"
[ "$got" = 'after FIN: exit 0, 400 bytes; after RST: exit 0, 400 bytes' ]
