#!/usr/bin/env bash
# wget: a file over FTP that arrives in part, or not at all, is a success.
# Version: Debian wget 1.21.3-1+deb12u1
# Behaviour: the server answers SIZE with 5000. Its data connection ends after 0 or 1500 bytes, as it does where something
# between the two closes it, and the reply on the control connection is 226. wget, which has asked for the size, does not
# compare: it prints "[1500]", does not try again, although --tries allows it, and ends with status 0. The file is cut, and
# nothing tells. curl ends with status 18 in both cases. (lftp 4.9.2 tells 1500 bytes, and takes 0 for the whole file.)
# Seen: wget, 5000 of 5000 bytes: status 0, 5000 bytes, 1 connection
#       wget, 1500 of 5000 bytes: status 0, 1500 bytes, 1 connection
#       wget, 0 of 5000 bytes: status 0, 0 bytes, 1 connection
#       curl, 5000 of 5000 bytes: status 0, 5000 bytes, 1 connection
#       curl, 1500 of 5000 bytes: status 18, 1500 bytes, 1 connection
#       curl, 0 of 5000 bytes: status 18, 0 bytes, 1 connection
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq wget=1.21.3-1+deb12u1 >/dev/null 2>&1
dpkg -x wget_*.deb root
cat >run.py <<'PY'
import select, socket, subprocess, sys, threading

REPLIES = {"USER": "331 password", "PASS": "230 in", "SYST": "215 UNIX Type: L8", "PWD": '257 "/" is the folder',
           "TYPE": "200 binary", "SIZE": "213 5000", "QUIT": "221 bye"}

def serve(control, sent):
    data = None

    def say(text):
        control.sendall(text.encode() + b"\r\n")

    say("220 ready")
    for line in control.makefile("r", newline="\r\n"):
        verb = line.split()[0].upper()
        if verb == "PASV":
            data = socket.create_server(("127.0.0.1", 0))
            port = data.getsockname()[1]
            say("227 Entering Passive Mode (127,0,0,1,%d,%d)" % (port >> 8, port & 255))
        elif verb == "RETR":
            conn, _ = data.accept()
            say("150 here it comes")
            conn.sendall(b"x" * sent)
            conn.close()
            data.close()
            say("226 transfer complete")
        else:
            say(REPLIES.get(verb, "502 no"))
    control.close()

def play(name, command, sent):
    listener = socket.create_server(("127.0.0.1", 0))
    stop, wake = socket.socketpair()
    connections = []

    def accept():
        while listener in select.select([listener, stop], [], [], 90)[0]:
            conn, _ = listener.accept()
            connections.append(conn)
            serve(conn, sent)

    server = threading.Thread(target=accept)
    server.start()
    done = subprocess.run(command + ["ftp://127.0.0.1:%d/file" % listener.getsockname()[1]], capture_output=True, timeout=80)
    wake.close()
    server.join()
    listener.close()
    stop.close()
    print("%s, %d of 5000 bytes: status %d, %d bytes, %d connection" % (name, sent, done.returncode, len(done.stdout), len(connections)))

for name, command in ("wget", [sys.argv[1], "--no-config", "--no-proxy", "-q", "--tries=3", "--waitretry=1", "-O", "-"]), \
                     ("curl", ["curl", "-sS", "--noproxy", "*", "--disable-epsv"]):
    for sent in 5000, 1500, 0:
        play(name, command, sent)
PY
got=$(python3 run.py root/usr/bin/wget)
echo "$got"
[ "$got" = 'wget, 5000 of 5000 bytes: status 0, 5000 bytes, 1 connection
wget, 1500 of 5000 bytes: status 0, 1500 bytes, 1 connection
wget, 0 of 5000 bytes: status 0, 0 bytes, 1 connection
curl, 5000 of 5000 bytes: status 0, 5000 bytes, 1 connection
curl, 1500 of 5000 bytes: status 18, 1500 bytes, 1 connection
curl, 0 of 5000 bytes: status 18, 0 bytes, 1 connection' ]
