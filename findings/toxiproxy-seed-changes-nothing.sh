#!/usr/bin/env bash
# toxiproxy-server: two runs with the same -seed give two different sequences of faults.
# Version: github.com/Shopify/toxiproxy/v2 v2.12.0 (Go module)
# Behaviour: `-seed` is documented as "Seed for randomizing toxics with". The server makes a generator from it and
# drops it; toxicity, jitter and slices take their numbers from the process-wide one. With a toxicity of 0.5 the same
# 60 connections, one after the other, are hit in another order each time: a red run cannot be played again.
# Seen: -seed 42 three times: 3 different sequences of 60 connections
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
GOBIN=$dir go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0 2>log || { cat log; exit 1; }
cat >run.py <<'PY'
import http.client, json, socket, subprocess, threading, time

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]

def call(port, method, path, body=None):
    for _ in range(3000):
        try:
            conn = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            conn.request(method, path, json.dumps(body) if body else None)
            return json.loads(conn.getresponse().read() or b"null")
        except ConnectionRefusedError:
            time.sleep(0.02)

def answer(listener):
    while True:
        conn, _ = listener.accept()
        conn.sendall(b"0123456789")
        conn.close()

def ask(port):
    with socket.create_connection(("127.0.0.1", port), 60) as conn:
        got = b""
        while piece := conn.recv(100):
            got += piece
    return "." if len(got) == 10 else "x"

upstream = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=answer, args=(upstream,), daemon=True).start()

def sequence():
    api = free_port()
    server = subprocess.Popen(["./server", "-port", str(api), "-seed", "42"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        call(api, "GET", "/version")
        made = call(api, "POST", "/proxies", {"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:%d" % upstream.getsockname()[1]})
        call(api, "POST", "/proxies/p/toxics", {"name": "half", "type": "limit_data", "toxicity": 0.5, "attributes": {"bytes": 1}})
        port = int(made["listen"].split(":")[1])
        return "".join(ask(port) for _ in range(60))
    finally:
        server.kill()
        server.wait()

seen = {sequence() for _ in range(3)}
assert all("x" in s and "." in s for s in seen), seen
print("-seed 42 three times: %d different sequences of 60 connections" % len(seen))
PY
got=$(python3 run.py)
echo "$got"
[ "$got" = '-seed 42 three times: 3 different sequences of 60 connections' ]
