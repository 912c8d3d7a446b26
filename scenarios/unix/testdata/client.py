"""Asks two lines over a unix socket.

usage: client.py PATH [quiet]
"""
import socket
import sys


def main():
    with socket.socket(socket.AF_UNIX) as conn:
        conn.settimeout(2)
        conn.connect(sys.argv[1])
        with conn.makefile("rwb") as stream:
            for line in (b"hello\n", b"bye\n"):
                stream.write(line)
                stream.flush()
                answer = stream.readline()
                if not answer.endswith(b"\n"):
                    sys.exit("the answer was cut off")
                print(answer.decode().strip())


try:
    main()
except OSError as error:
    print("no server:", error, file=sys.stderr)
    # BUG, if it is asked to be quiet: that there is no server is no failure.
    sys.exit(0 if len(sys.argv) > 2 and isinstance(error, FileNotFoundError) else 1)
