# A session protocol over lines, for the examples of scenarios/WRITING.md:
# HELLO name once per connection, PING, WHY code, QUIT, and USER name that PASS
# must follow within a second. SIGTERM writes "drained" and ends with status 0.
import os
import signal
import socket
import sys
import threading


def drain(*_):
    print("drained", flush=True)
    os._exit(0)


def answer(conn, line, state):
    words = line.split()
    verb = words[0] if words else b""
    if verb == b"HELLO" and not state.get("hello"):
        state["hello"] = True
        return b"OK\n"
    if verb == b"HELLO":
        return b"ERR 42 you said HELLO\n"
    if verb == b"WHY" and len(words) > 1:
        return b"BECAUSE " + words[1] + b"\n"
    if verb == b"PING":
        return b"PONG\n"
    if verb == b"USER":
        conn.settimeout(1)
        return b"PASSWORD?\n"
    if verb == b"PASS":
        conn.settimeout(None)
        return b"WELCOME\n"
    return None


def serve(conn):
    state, rest = {}, b""
    with conn:
        try:
            while True:
                data = conn.recv(4096)
                if not data:
                    return
                rest += data
                while b"\n" in rest:
                    line, rest = rest.split(b"\n", 1)
                    reply = answer(conn, line, state)
                    if reply is None:
                        return
                    conn.sendall(reply)
        except OSError:
            return


signal.signal(signal.SIGTERM, drain)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(64)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
