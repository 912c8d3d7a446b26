#!/usr/bin/env bash
# w3m: exit status 0 when the connection is refused.
# Version: Debian w3m 0.5.3+git20230121-2
# Behaviour: `w3m -dump_source URL` prints nothing to its standard output, a line to its standard error, and
# ends with status 0, where nobody listens at the address. A script that tests the status takes an empty
# page for the answer.
# Seen: exit 0, 0 bytes
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq w3m=0.5.3+git20230121-2 libgc1 libgpm2 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu" HOME="$dir"
# A port that is bound and not listening refuses, and nobody else can take it.
cat >probe.py <<'END'
import socket, subprocess, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
p = subprocess.run([sys.argv[1], "-dump_source", "http://127.0.0.1:%d/file" % s.getsockname()[1]], capture_output=True)
print("exit %d, %d bytes" % (p.returncode, len(p.stdout)))
END
got=$(python3 probe.py "$dir/root/usr/bin/w3m")
echo "$got"
[ "$got" = 'exit 0, 0 bytes' ]
