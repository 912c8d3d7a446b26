"""Upper-case line server on a unix socket that never touches a file.

usage: timid.py PATH
"""
import socket
import socketserver
import sys


class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line.endswith(b"\n"):
                self.wfile.write(line.upper())


# BUG: what a killed server has left is in the way.
class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


Server(sys.argv[1], Upper).serve_forever()
