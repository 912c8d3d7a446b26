"""Upper-case line server on a unix socket that makes room for itself.

usage: careless.py PATH
"""
import os
import socket
import sys
import threading


def serve(conn):
    with conn, conn.makefile("rb") as lines:
        try:
            for line in lines:
                if line.endswith(b"\n"):
                    conn.sendall(line.upper())
        except OSError as error:
            print("connection lost:", error, file=sys.stderr)


def main():
    # BUG: the path is cut to what fits, as strncpy does, and whatever is there is removed.
    path = sys.argv[1][:107]
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
    except OSError as error:
        print(path, error, file=sys.stderr)
        sys.exit(0)
    listener.listen(128)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


main()
