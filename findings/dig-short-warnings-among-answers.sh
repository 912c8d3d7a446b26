#!/usr/bin/env bash
# dig +short: warnings stand among the answers, on standard output, with status 0.
# Version: Debian 12 bind9-dnsutils 9.18 (DiG 9.18.x)
# Behaviour: +short is for scripts: one answer a line. A datagram that answers another question, as a late one of an
# earlier query is, is ignored rightly, but the warning about it is written to standard output, although ;; is a
# comment in the long form only: a script that reads addresses line by line gets one more. Standard error is empty.
# Seen: line 1 ";; Warning: ID mismatch: expected ID N, got N", line 2 "192.0.2.7", standard error 0 bytes, status 0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v dig >/dev/null || { apt-get install -y -qq bind9-dnsutils >log 2>&1 || { cat log; exit 1; }; }
dig -v 2>&1 | grep -q '^DiG 9\.18\.' || { echo "needs dig 9.18"; exit 1; }
cat >run.py <<'PY'
import re, socket, subprocess

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(60)
client = subprocess.Popen(["dig", "+short", "+noedns", "@127.0.0.1", "-p", str(server.getsockname()[1]), "a.example"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
query, where = server.recvfrom(512)
end = query.index(b"\0", 12) + 5  # the question: name, type, class
answer = (query[:2] + b"\x85\x80\0\1\0\1\0\0\0\0" + query[12:end]
          + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 7]))
late = bytes([query[0] ^ 1]) + answer[1:]
server.sendto(late, where)
server.sendto(answer, where)
out, err = client.communicate(timeout=60)
lines = ['line %d "%s"' % (n, re.sub(r"ID \d+", "ID N", line).replace("got " + line.split()[-1], "got N"))
         for n, line in enumerate(out.splitlines(), 1)]
print("%s, standard error %d bytes, status %d" % (", ".join(lines), len(err), client.returncode))
PY
got=$(python3 run.py)
echo "$got"
[ "$got" = 'line 1 ";; Warning: ID mismatch: expected ID N, got N", line 2 "192.0.2.7", standard error 0 bytes, status 0' ]
