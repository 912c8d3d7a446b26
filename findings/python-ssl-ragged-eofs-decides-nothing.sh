#!/usr/bin/env bash
# Python's ssl: suppress_ragged_eofs decides nothing; an option of the context does.
# Version: Python 3.11.2 with OpenSSL 3.0 (Debian 12); 3.11.7 does what is documented
# Behaviour: wrap_socket's argument suppress_ragged_eofs is documented as the switch for "unexpected EOF", a FIN
# without close_notify: True makes it a proper end, False an exception. Contexts of this version have
# OP_IGNORE_UNEXPECTED_EOF, by which OpenSSL itself turns the cut into a proper end: False reports nothing. Without
# that option both values raise, an SSLError and not the SSLEOFError that the argument is about.
# Seen: as it is: True end, False end
#       without OP_IGNORE_UNEXPECTED_EOF: True SSLError, False SSLError
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem >log 2>&1 || { cat log; exit 1; }
cat >run.py <<'PY'
import socket, ssl, threading

def serve(listener):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    conn = context.wrap_socket(listener.accept()[0], server_side=True)
    conn.sendall(b"half an ans")
    socket.socket(fileno=conn.detach()).close()  # FIN, and no close_notify before it

def ask(keep_option, suppress):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        context = ssl.create_default_context(cafile="cert.pem")
        if not keep_option:
            context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        conn = context.wrap_socket(socket.create_connection(listener.getsockname(), 60),
                                   server_hostname="localhost", suppress_ragged_eofs=suppress)
        try:
            while conn.recv(100):
                pass
            return "end"
        except ssl.SSLError as error:
            return type(error).__name__
        finally:
            conn.close()
            server.join()

print("as it is: True %s, False %s" % (ask(True, True), ask(True, False)))
print("without OP_IGNORE_UNEXPECTED_EOF: True %s, False %s" % (ask(False, True), ask(False, False)))
PY
/usr/bin/python3 --version | grep -qx 'Python 3\.11\.2' || { echo "needs Debian 12's Python 3.11.2"; exit 1; }
got=$(/usr/bin/python3 run.py)
echo "$got"
[ "$got" = 'as it is: True end, False end
without OP_IGNORE_UNEXPECTED_EOF: True SSLError, False SSLError' ]
