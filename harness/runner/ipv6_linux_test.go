package runner

import (
	"net"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
)

// onIPv6 is a server that listens on ::1 alone.
const onIPv6 = `
import socket, socketserver, sys
class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line.endswith(b"\n"): self.wfile.write(line.upper())
class Server(socketserver.ThreadingTCPServer):
    address_family, allow_reuse_address, daemon_threads = socket.AF_INET6, True, True
Server(("::1", int(sys.argv[1])), Upper).serve_forever()
`

func TestServerOnIPv6(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("SKIPPED, NOT PROVEN HERE: this machine has no ::1: %v", err)
	}
	l.Close()
	r := New(Config{Seed: 1, Tmp: t.TempDir()})
	defer r.Close()
	for _, at := range []int64{1, 3} {
		for _, result := range r.RunScenario(t.Context(), started(t, onIPv6), splitting(at)) {
			if result.Verdict != outcome.Pass {
				t.Errorf("got %s (%s), want a pass", result.Verdict, result.Message)
			}
		}
	}
}
