#!/usr/bin/env bash
# msmtp: --timeout ends a mail to a server that has gone silent, but not once the connection is encrypted.
# Version: Debian msmtp 1.8.23 (the package of Debian 12, with GnuTLS)
# Behaviour: --timeout is documented as the network timeout. In plaintext msmtp gives up as told when the server says nothing
# after EHLO. Within TLS it waits for the same silent server for as long as that lasts.
# Seen: plaintext: ended after 3 s with status 74
#       within TLS: still running after 15 s
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq msmtp libgsasl18 libgssglue1 libntlm0 libsecret-1-0 libsecret-common >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
root/usr/bin/msmtp --version | head -1
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
cat >run.py <<'PY'
import socket, ssl, subprocess, threading, time

LIMIT, PATIENCE = 3, 15

def silent(listener, context, over):
    """Greets, and never says a word after that."""
    conn, _ = listener.accept()
    with conn:
        stream = context.wrap_socket(conn, server_side=True) if context else conn
        stream.sendall(b"220 ready\r\n")
        stream.recv(1000)  # EHLO
        over.wait(60)

def run(context, *tls):
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=silent, args=(listener, context, over), daemon=True).start()
        command = ["root/usr/bin/msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={listener.getsockname()[1]}",
                   "--from=a@example.test", f"--timeout={LIMIT}", *tls, "b@example.test"]
        start = time.monotonic()
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        client.stdin.write(b"Subject: hello\n\nhello\n")
        client.stdin.close()
        try:
            status = client.wait(PATIENCE)
            return f"ended after {time.monotonic() - start:.0f} s with status {status}", True
        except subprocess.TimeoutExpired:
            return f"still running after {PATIENCE} s", False
        finally:
            client.kill()
            client.wait()
            over.set()

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("cert.pem", "key.pem")
plain, ended = run(None, "--tls=off")
print("plaintext:", plain)
within, ended_too = run(context, "--tls=on", "--tls-starttls=off", "--tls-certcheck=off")
print("within TLS:", within)
assert ended and not ended_too, "this has changed"
PY
python3 run.py
