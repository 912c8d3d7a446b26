#!/usr/bin/env bash
# unbound: after one busy moment a TCP client that is alone is closed after 200 ms of silence, for as long as the server runs.
# Version: Debian unbound 1.17.1 (the package of Debian 12, with its default of incoming-num-tcp: 10)
# Behaviour: unbound gives silent TCP clients less time while more than half of its places for them are taken, which its
# manual says. The shorter time belongs to the place and is not set back when the others have left: who gets that place
# later, alone, has 200 ms instead of 30 s, in the middle of a request too.
# Seen: before: open after 3 s of silence
#       nine clients for a moment, and a second later one alone: closed after 200 ms, 10 of 10 times
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq unbound libevent-2.1-7 libprotobuf-c1 libpython3.11 libhiredis0.14 libnghttp2-14 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
root/usr/sbin/unbound -V | head -1
cat >run.py <<'PY'
import select, socket, subprocess, time

free = socket.create_server(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
with open("unbound.conf", "w") as conf:
    conf.write(f"""server:
    interface: 127.0.0.1@{port}
    username: ""
    chroot: ""
    directory: "."
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    num-threads: 1
    module-config: "iterator"
    local-zone: "example.test." static
remote-control:
    control-enable: no
""")

def connect():
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), 60)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("unbound does not listen")

def closed_after(conn, limit=3):
    start = time.monotonic()
    readable, _, _ = select.select([conn], [], [], limit)
    conn.close()
    return time.monotonic() - start if readable else None

server = subprocess.Popen(["root/usr/sbin/unbound", "-d", "-c", "unbound.conf"], stderr=subprocess.DEVNULL)
try:
    before = closed_after(connect())
    crowd = [connect() for _ in range(9)]
    time.sleep(0.1)
    for conn in crowd:
        conn.close()
    time.sleep(1)
    after = [closed_after(connect()) for _ in range(10)]
finally:
    server.terminate()
    server.wait()
print("before:", "open after 3 s of silence" if before is None else f"closed after {before:.1f} s")
short = [t for t in after if t is not None and t < 1]
print(f"a second after nine clients have left: closed in less than a second, {len(short)} of 10 times")
assert before is None and len(short) == 10, (before, after)
PY
python3 run.py
