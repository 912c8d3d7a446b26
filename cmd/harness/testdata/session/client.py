# A client of server.py: it sends PING and exits with 0 if PONG comes whole, else
# with 3.
import socket
import sys

try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as conn:
        conn.settimeout(5)
        conn.sendall(b"PING\n")
        reply = b""
        while not reply.endswith(b"\n"):
            data = conn.recv(4096)
            if not data:
                break
            reply += data
    print("got", reply)
except OSError as err:
    print(err, file=sys.stderr)
    reply = b""
sys.exit(0 if reply == b"PONG\n" else 3)
