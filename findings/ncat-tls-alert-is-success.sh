#!/usr/bin/env bash
# ncat --ssl: a connection that a fatal TLS alert ends is a success, without a word.
# Version: Debian ncat 7.93+dfsg1-1
# Behaviour: the server sends 400 bytes, finds a broken record and ends the session by the fatal alert bad_record_mac, as
# RFC 8446, section 6.2, demands. ncat prints the 400 bytes, nothing on standard error, and ends with status 0, as
# after close_notify: its status and output do not tell a failed session from a finished one. Without TLS, a
# connection that RST breaks off gives status 1.
# Seen: close_notify: status 0, 400 bytes, standard error 0 bytes
#       fatal alert: status 0, 400 bytes, standard error 0 bytes
#       no TLS, RST: status 1, 400 bytes, standard error not empty
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq ncat=7.93+dfsg1-1 liblua5.3-0 liblinear4 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-keyout key.pem -out cert.pem 2>/dev/null
cat >run.py <<'PY'
import os, socket, ssl, struct, subprocess, sys, threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(60)
data = b"x" * 400

def drain(conn):
    try:
        while conn.recv(4096):
            pass
    except OSError:
        pass

def serve_tls(conn, alert, read):
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(arrived, leaving, server_side=True)
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            conn.sendall(leaving.read())
            arrived.write(conn.recv(65536))
    session.write(data)
    conn.sendall(leaving.read())
    read.wait(60)
    if alert:
        arrived.write(b"\x17\x03\x03\x00\x20" + bytes(32))
    try:
        while alert:
            session.read(4096)
        session.unwrap()
    except ssl.SSLWantReadError:
        assert not alert
    except ssl.SSLError as error:
        assert alert and "BAD_RECORD_MAC" in error.reason, error
    conn.sendall(leaving.read())
    conn.shutdown(socket.SHUT_WR)
    drain(conn)

def serve_plain(conn, read):
    conn.sendall(data)
    read.wait(60)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

def play(name, options, serve):
    read = threading.Event()

    def accept():
        conn, _ = listener.accept()
        serve(conn, read)
        conn.close()

    server = threading.Thread(target=accept)
    server.start()
    client = subprocess.Popen([sys.argv[1], *options, "127.0.0.1", str(listener.getsockname()[1])],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        got = b""
        while len(got) < len(data) and (piece := os.read(client.stdout.fileno(), 4096)):
            got += piece
        assert client.poll() is None  # it waits for more
        read.set()
        rest, errors = client.communicate(timeout=60)
    finally:
        client.kill()
        client.wait()
    server.join()
    said = "not empty" if errors else "0 bytes"
    print("%s: status %d, %d bytes, standard error %s" % (name, client.returncode, len(got + rest), said))

play("close_notify", ["--ssl"], lambda conn, read: serve_tls(conn, False, read))
play("fatal alert", ["--ssl"], lambda conn, read: serve_tls(conn, True, read))
play("no TLS, RST", [], serve_plain)
PY
got=$(timeout 200 python3 run.py root/usr/bin/ncat)
echo "$got"
[ "$got" = 'close_notify: status 0, 400 bytes, standard error 0 bytes
fatal alert: status 0, 400 bytes, standard error 0 bytes
no TLS, RST: status 1, 400 bytes, standard error not empty' ]
