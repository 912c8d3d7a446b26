"""One small server for each framing of the page: python3 servers.py KIND PORT.

Each reads whole messages, however they arrive, and ends a connection at EOF.
"""
import base64
import hashlib
import json
import secrets
import socketserver
import struct
import sys

LONGEST = 1 << 20


class Closed(Exception):
    """The client's stream ended; a message may have been cut off."""


class Peer(socketserver.StreamRequestHandler):
    def take(self, n):
        if n > LONGEST:
            raise Closed
        data = self.rfile.read(n)
        if len(data) < n:
            raise Closed
        return data

    def until(self, end):
        data = bytearray()
        while not data.endswith(end):
            if len(data) > LONGEST:
                raise Closed
            data += self.take(1)
        return bytes(data[: -len(end)])

    def handle(self):
        try:
            while True:
                KINDS[KIND](self)
                self.wfile.flush()
        except (Closed, ValueError, ConnectionError):
            pass


def either(peer):
    peer.wfile.write(peer.until(b"\n").rstrip(b"\r").upper() + b"\r\n")


def modbus(peer):
    transaction, protocol, length, unit = struct.unpack(">HHHB", peer.take(7))
    if length < 2:
        raise Closed
    function, *_ = peer.take(length - 1)
    answer = bytes([function, 2, 0, 42]) if function == 3 else bytes([function | 0x80, 1])
    peer.wfile.write(struct.pack(">HHHB", transaction, protocol, len(answer) + 1, unit) + answer)


def sql(peer):
    length, number = peer.take(3), peer.take(1)
    body = peer.take(int.from_bytes(length, "little")).upper()
    peer.wfile.write(len(body).to_bytes(3, "little") + bytes([number[0] + 1 & 255]) + body)


def varint(peer):
    length, shift = 0, 0
    while True:
        byte = peer.take(1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
        if shift > 63:
            raise Closed
    body, prefix = peer.take(length).upper(), b""
    while length > 127:
        prefix, length = prefix + bytes([length & 127 | 128]), length >> 7
    peer.wfile.write(prefix + bytes([length]) + body)


def netstring(peer):
    digits = peer.until(b":")
    if not digits.isdigit() or len(digits) > 9:
        raise Closed
    body = peer.take(int(digits)).upper()
    if peer.take(1) != b",":
        raise Closed
    peer.wfile.write(b"%d:%s," % (len(body), body))


def digits(peer):
    size = peer.take(4)
    if not size.isdigit():
        raise Closed
    body = peer.take(int(size)).upper()
    peer.wfile.write(b"%04d%s" % (len(body), body))


def mllp(peer):
    if peer.take(1) != b"\x0b":
        raise Closed
    message = peer.until(b"\x1c\r")
    control = message.split(b"\r")[0].split(b"|")[9]
    peer.wfile.write(b"\x0bMSH|^~\\&|B||A||||ACK|%s|P|2.5\rMSA|AA|%s\r\x1c\r" % (control, control))


def head(peer):
    lines = peer.until(b"\r\n\r\n").split(b"\r\n")
    fields = dict(line.split(b":", 1) for line in lines if b":" in line)
    return lines[0], {name.lower(): value.strip() for name, value in fields.items()}


def lsp(peer):
    _, fields = head(peer)
    peer.take(int(fields[b"content-length"]))
    body = b'{"jsonrpc":"2.0","id":1,"result":null}'
    peer.wfile.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


def chunks(peer):
    first, _ = head(peer)
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    if not first.startswith(b"HEAD"):
        answer += b"5\r\nhello\r\n6\r\n world\r\n0\r\nDigest: none\r\n\r\n"
    peer.wfile.write(answer)


def websocket(peer):
    if not hasattr(peer, "upgraded"):
        _, fields = head(peer)
        key = fields[b"sec-websocket-key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key).digest())
        peer.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        peer.upgraded = True
        return
    first, length = peer.take(2)
    length &= 127
    if length == 126:
        (length,) = struct.unpack(">H", peer.take(2))
    elif length == 127:
        (length,) = struct.unpack(">Q", peer.take(8))
    key = peer.take(4)
    body = bytes(b ^ key[i % 4] for i, b in enumerate(peer.take(length)))
    size = bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length) if length < 65536 else b"\x7f" + struct.pack(">Q", length)
    peer.wfile.write(bytes([first]) + size + body.upper())


def tokens(peer):
    if not hasattr(peer, "token"):
        peer.token, peer.id = secrets.token_hex(8).encode(), b"%d" % (100000 + secrets.randbelow(900000))
        peer.wfile.write(b"HELLO %s\n" % peer.token)
        return
    word, _, rest = peer.until(b"\n").partition(b" ")
    if word == b"AUTH" and rest == peer.token:
        peer.wfile.write(b"OK %s\n" % peer.id)
    elif word == b"GET" and rest == peer.id:
        peer.wfile.write(b"ITEM %s of %s\n" % (rest, peer.token))
    else:
        peer.wfile.write(b"ERR\n")


def rpc(peer):
    request = json.loads(peer.until(b"\n"))
    peer.wfile.write(b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}\n')
    result = {"version": "1"} if request["method"] == "initialize" else {}
    answer = {"jsonrpc": "2.0", "id": request["id"], "result": result}
    peer.wfile.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")


KINDS = {f.__name__: f for f in (either, modbus, sql, varint, netstring, digits, mllp, lsp, chunks, websocket, tokens, rpc)}


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    KIND = sys.argv[1]
    Peer.wbufsize = 1 << 16
    Server(("127.0.0.1", int(sys.argv[2])), Peer).serve_forever()
