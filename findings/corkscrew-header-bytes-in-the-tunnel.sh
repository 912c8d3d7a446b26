#!/usr/bin/env bash
# corkscrew: what is left of the proxy's header becomes the first bytes of the tunnel.
# Version: Debian corkscrew 2.0-14
# Behaviour: corkscrew makes one read and takes it for the proxy's whole answer to CONNECT. Where the blank line that
# ends the header comes in a second segment, it is handed to the program behind the tunnel as data of the far end.
# Where the segment ends inside the status, corkscrew reports that the proxy refused, although it said 200.
# proxytunnel and connect-proxy, which do the same job, read on up to the blank line.
# Seen: corkscrew: whole b'SSH-2.0-x\r\n' 0, blank line later b'\r\nSSH-2.0-x\r\n' 0, cut inside the status nothing 255
#       proxytunnel and connect-proxy: b'SSH-2.0-x\r\n' 0 in all three
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq corkscrew=2.0-14 proxytunnel=1.10.20210604-2 connect-proxy=1.105-1.3 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
cat >run.py <<'PY'
import socket, subprocess, time

def is_read(conn):
    "Whether the other end of a loopback connection has read all that it got."
    local, remote = ("%08X:%04X" % (0x0100007F, a[1]) for a in (conn.getsockname(), conn.getpeername()))
    for line in open("/proc/net/tcp"):
        field = line.split()
        if field[1:3] == [remote, local]:
            return field[4].endswith(":00000000")
    return True

def play(command, *pieces):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        port = str(listener.getsockname()[1])
        client = subprocess.Popen([arg.replace("PORT", port) for arg in command],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        proxy, _ = listener.accept()
        proxy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += proxy.recv(1000)
        try:
            for piece in pieces + (b"SSH-2.0-x\r\n",):
                proxy.sendall(piece)
                while not is_read(proxy):
                    time.sleep(0.01)
            proxy.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        out, _ = client.communicate(timeout=60)
        proxy.close()
        return "%r %d" % (out, client.returncode)

ok = b"HTTP/1.0 200 OK\r\n\r\n"
for command in (["corkscrew", "127.0.0.1", "PORT", "far.example", "22"],
                ["proxytunnel", "-q", "-p", "127.0.0.1:PORT", "-d", "far.example:22"],
                ["connect-proxy", "-H", "127.0.0.1:PORT", "far.example", "22"]):
    full = ["root/usr/bin/" + command[0]] + command[1:]
    print("%s: whole %s, blank line later %s, cut inside the status %s" % (
        command[0], play(full, ok), play(full, ok[:-2], ok[-2:]), play(full, ok[:11], ok[11:])))
PY
got=$(python3 run.py | sed "s/b'' 255/nothing 255/")
echo "$got"
tunnel="b'SSH-2.0-x\\r\\n' 0"
[ "$got" = "corkscrew: whole $tunnel, blank line later b'\\r\\nSSH-2.0-x\\r\\n' 0, cut inside the status nothing 255
proxytunnel: whole $tunnel, blank line later $tunnel, cut inside the status $tunnel
connect-proxy: whole $tunnel, blank line later $tunnel, cut inside the status $tunnel" ]
