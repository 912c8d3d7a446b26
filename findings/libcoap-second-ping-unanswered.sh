#!/usr/bin/env bash
# libcoap: a ping whose answer was lost is sent again, and gets no answer any more.
# Version: Debian libcoap3 and libcoap3-bin 4.3.1 (the packages of Debian 12)
# Behaviour: RFC 7252 §4.5 wants each duplicate of a confirmable message acknowledged with the same acknowledgement or reset,
# since the first one may have been lost. A request (GET) is answered again. An empty confirmable message, the ping of §4.3, is
# answered with a reset once; the same ping, sent again as after a loss, is met with silence. Whoever pings over a network that
# loses datagrams takes a server that lives for dead.
# Seen: GET, twice: 2 answers
#       ping, twice: 1 answer; with another message id: answered
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq libcoap3-bin libcoap3 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
cat >run.py <<'PY'
import glob, re, socket, struct, subprocess, time

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
program = glob.glob("root/usr/bin/coap-server*")[0]
server = subprocess.Popen([program, "-A", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

CON, EMPTY, GET, RESET = 0x40, 0x00, 0x01, 0x70

def message(code, number):
    return struct.pack("!BBH", CON, code, number)

def answer(conn, request):
    """Sends a request, and returns the answer that has its message id."""
    conn.send(request)
    end = time.monotonic() + 2
    while (left := end - time.monotonic()) > 0:
        conn.settimeout(left)
        try:
            got = conn.recv(2000)
        except (TimeoutError, ConnectionRefusedError):
            return None
        if got[2:4] == request[2:4]:
            return got
    return None

try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as conn:
        conn.connect(("127.0.0.1", port))
        for number in range(20):
            if answer(conn, message(GET, number)):
                break
            time.sleep(0.1)
        else:
            raise SystemExit("coap-server does not answer")
        get, ping, other = message(GET, 1000), message(EMPTY, 2000), message(EMPTY, 2001)
        gets = [answer(conn, get), answer(conn, get)]
        pings = [answer(conn, ping), answer(conn, ping)]
        again = answer(conn, other)
finally:
    server.terminate()
    server.wait()
print("GET, twice:", sum(a is not None for a in gets), "answers")
print("ping, twice:", sum(a is not None for a in pings), "answer; with another message id:", "answered" if again else "silence")
assert all(gets) and pings[0] and pings[0][0] == RESET and pings[1] is None and again and again[0] == RESET, "this has changed"
PY
dpkg-deb -f libcoap3-bin*.deb Version
python3 run.py
