#!/usr/bin/env bash
# bash-language-server: it stays when its standard input ends in the middle of a message.
# Version: npm bash-language-server 5.8.1, Node.js 20
# Behaviour: the end of standard input between two messages ends the server at once, and so does an end inside the
# header. Where the header is whole and a part of the body has come, as when an editor is killed while it writes, the
# process runs on, without an input and without an error on its standard output, until somebody kills it.
# Seen: end behind the handshake: exit 0
#       end inside a header: exit 0
#       end inside a body: still there after 20 s
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null 2>&1
npm install --no-audit --no-fund --ignore-scripts bash-language-server@5.8.1 >log 2>&1 || { cat log; exit 1; }
cat >run.py <<'PY'
import json, subprocess

def frame(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body

hello = frame({"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}})
request = frame({"id": 2, "method": "shutdown"})
body = request.index(b"{")

def read_frame(stream):
    size = 0
    while line := stream.readline().strip():
        name, value = line.split(b":")
        size = int(value) if name == b"Content-Length" else size
    return json.loads(stream.read(size))

def play(name, part):
    server = subprocess.Popen(["node", "node_modules/bash-language-server/out/cli.js", "start"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        server.stdin.write(hello)
        server.stdin.flush()
        while read_frame(server.stdout).get("id") != 1:
            pass
        server.stdin.write(part)
        server.stdin.close()
        try:
            print("%s: exit %d" % (name, server.wait(20)))
        except subprocess.TimeoutExpired:
            print("%s: still there after 20 s" % name)
    finally:
        server.kill()
        server.wait()

play("end behind the handshake", b"")
play("end inside a header", request[:10])
play("end inside a body", request[:body + 5])
PY
got=$(timeout 120 python3 run.py)
echo "$got"
[ "$got" = 'end behind the handshake: exit 0
end inside a header: exit 0
end inside a body: still there after 20 s' ]
