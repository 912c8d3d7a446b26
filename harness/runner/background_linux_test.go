package runner

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// inBackground is a server that goes on in a grandchild.
const inBackground = `
import os, socketserver, sys
if os.fork(): os._exit(0)
os.setsid()
class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(line.upper())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True
Server(("127.0.0.1", int(sys.argv[1])), Upper).serve_forever()
`

func started(t *testing.T, program string) scenario.Target {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: no server to start")
	}
	return scenario.Target{
		Name:   "upper",
		Server: scenario.Peer{Command: []string{python, "-c", program, "{port}"}},
		Client: scenario.Peer{Dialogue: &scenario.Source{File: "upper.yaml", Text: []byte(conversation)}},
		Test:   scenario.Server,
	}
}

func TestServerThatWentIntoTheBackgroundIsAlive(t *testing.T) {
	target := started(t, inBackground)
	r := New(Config{Seed: 1, Tmp: t.TempDir()})
	defer r.Close()
	run := func(s scenario.Scenario) outcome.Result {
		results := r.Run(t.Context(), target, s)
		if len(results) != 1 {
			t.Fatalf("got %+v, want one result", results)
		}
		return results[0]
	}
	if got := run(splitting(3)); got.Verdict != outcome.Pass {
		t.Errorf("got %s (%s), want a pass", got.Verdict, got.Message)
	}
	stops := playing(scenario.Variant{Budget: time.Second, Act: func(_ context.Context, rig scenario.Rig) error { return rig.Terminate() }})
	if got := run(stops); got.Verdict != outcome.Unsupported || !strings.Contains(got.Message, "stays in the foreground") {
		t.Errorf("got %s (%s), want unsupported, and what to do", got.Verdict, got.Message)
	}
}
