"""Upper-case line server on a unix socket.

usage: careful.py PATH
"""
import os
import signal
import socket
import stat
import sys
import threading


def bind(path):
    listener = socket.socket(socket.AF_UNIX)
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            sys.exit(f"{path} is there and is no socket")
        try:
            socket.socket(socket.AF_UNIX).connect(path)
            sys.exit(f"{path}: another server listens there")
        except ConnectionRefusedError:
            os.unlink(path)
    except FileNotFoundError:
        pass
    listener.bind(path)
    listener.listen(128)
    return listener


def serve(conn):
    with conn, conn.makefile("rb") as lines:
        try:
            for line in lines:
                if line.endswith(b"\n"):
                    conn.sendall(line.upper())
        except OSError as error:
            print("connection lost:", error, file=sys.stderr)


def end(path):
    os.unlink(path)
    os._exit(0)


def main():
    path = sys.argv[1]
    listener = bind(path)
    signal.signal(signal.SIGTERM, lambda *_: end(path))
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


main()
