#!/usr/bin/env bash
# Tcl's http package: when a segment ends inside the blank line behind the header, the body gets one byte too many.
# Version: Debian tcl8.6 8.6.13+dfsg-2 (package http 2.9.8)
# Behaviour: the blank line is CR LF. Where the CR is the last byte of a segment, the package takes the header for
# finished and the LF for the first byte of the body. With Content-Length the body has the right size: a line feed in
# front, and the last byte is lost. The status is "ok" and the code 200. A cut one byte earlier or later does no harm.
# Seen: whole: ok 200 30313233343536373839
#       cut before the CR: ok 200 30313233343536373839
#       cut between CR and LF: ok 200 0a303132333435363738
#       cut behind the LF: ok 200 30313233343536373839
#       cut between CR and LF, no Content-Length: ok 200 0a30313233343536373839
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu TCL_LIBRARY=$dir/root/usr/share/tcltk/tcl8.6
cat >get.tcl <<'TCL'
tcl::tm::path add $tcl_library/tcl8
package require -exact http 2.9.8
set token [http::geturl [lindex $argv 0] -timeout 60000 -binary 1]
binary scan [http::data $token] H* body
puts "[http::status $token] [http::ncode $token] $body"
TCL
cat >run.py <<'PY'
import socket, subprocess, sys, threading, time

length = b"Content-Length: 10\r\n"
header = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n" + length + b"Connection: close\r\n\r\n"
whole = header + b"0123456789"
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(20)

def serve(pieces):
    conn, _ = listener.accept()
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        request += conn.recv(4096)
    for piece in pieces:
        conn.sendall(piece)
        time.sleep(2 if piece is not pieces[-1] else 0)
    conn.close()

def show(name, answer, cut=None):
    pieces = [answer] if cut is None else [answer[:cut], answer[cut:]]
    server = threading.Thread(target=serve, args=(pieces,))
    server.start()
    url = "http://127.0.0.1:%d/" % listener.getsockname()[1]
    done = subprocess.run([sys.argv[1], "get.tcl", url], capture_output=True, text=True, timeout=120)
    server.join()
    print("%s: %s" % (name, (done.stdout + done.stderr).strip()))

end = len(header)
show("whole", whole)
show("cut before the CR", whole, end - 2)
show("cut between CR and LF", whole, end - 1)
show("cut behind the LF", whole, end)
show("cut between CR and LF, no Content-Length", whole.replace(length, b""), end - len(length) - 1)
PY
got=$(python3 run.py root/usr/bin/tclsh8.6)
echo "$got"
[ "$got" = 'whole: ok 200 30313233343536373839
cut before the CR: ok 200 30313233343536373839
cut between CR and LF: ok 200 0a303132333435363738
cut behind the LF: ok 200 30313233343536373839
cut between CR and LF, no Content-Length: ok 200 0a30313233343536373839' ]
