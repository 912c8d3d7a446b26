#!/usr/bin/env bash
# pen: the answer to a client that half-closed is cut anywhere, and the cut looks like a proper end.
# Version: Debian pen 0.34.1-2+b1
# Behaviour: pen, a TCP load balancer, hands a client's FIN on to the server, as a client expects that ends its
# request by it. But it does not wait for the end of the answer: the client gets a part of it, from nothing to all,
# and then FIN, so that it cannot tell. The same answer is whole in every round where the client did not half-close.
# Seen: without half-close: 10 of 10 answers whole
#       with half-close: not all of 10 answers whole, every one ended by FIN (seen: 0 whole, 5.6 to 7.6 of 8 MB)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq pen=0.34.1-2+b1 libgeoip1 libev4 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat >run.py <<'PY'
import socket, subprocess, sys, threading, time

size = 8_000_000
target = socket.create_server(("127.0.0.1", 0))
target.settimeout(60)
free = socket.create_server(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()

def read_all(conn):
    got = 0
    while piece := conn.recv(1 << 16):
        got += len(piece)
    return got

def serve(half_close):
    conn, _ = target.accept()
    while not conn.recv(100):  # pen looks whether the server is there
        conn, _ = target.accept()
    if half_close:
        read_all(conn)
    try:
        conn.sendall(b"x" * size)
        conn.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    conn.close()

def connect():
    for _ in range(3000):
        try:
            return socket.create_connection(("127.0.0.1", port), 60)
        except ConnectionRefusedError:
            time.sleep(0.02)

def play(half_close):
    server = threading.Thread(target=serve, args=(half_close,))
    server.start()
    conn = connect()
    conn.sendall(b"hello\n")
    if half_close:
        conn.shutdown(socket.SHUT_WR)
    got = read_all(conn)  # an end by RST would raise
    conn.close()
    server.join()
    return got

pen = subprocess.Popen([sys.argv[1], "-f", "127.0.0.1:%d" % port, "127.0.0.1:%d" % target.getsockname()[1]],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    whole = [play(False) for _ in range(10)].count(size)
    print("without half-close: %d of 10 answers whole" % whole)
    cut = [play(True) for _ in range(10)]
    print("with half-close: %s of 10 answers whole, every one ended by FIN" % ("all" if cut.count(size) == 10 else "not all"))
    print("whole: %d, least %d, most %d of %d" % (cut.count(size), min(cut), max(cut), size), file=sys.stderr)
finally:
    pen.kill()
    pen.wait()
PY
got=$(python3 run.py root/usr/bin/pen)
echo "$got"
[ "$got" = 'without half-close: 10 of 10 answers whole
with half-close: not all of 10 answers whole, every one ended by FIN' ]
