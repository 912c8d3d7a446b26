package runner

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// inBackground is a server that continues in a grandchild.
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
		results := r.RunScenario(t.Context(), target, s)
		if len(results) != 1 {
			t.Fatalf("got %+v, want one result", results)
		}
		return results[0]
	}
	if got := run(splitting(3)); got.Verdict != outcome.Pass {
		t.Errorf("got %s (%s), want a pass", got.Verdict, got.Message)
	}
	stops := playing(scenario.Variant{Budget: time.Second, Run: func(_ context.Context, rig scenario.Rig) error { return rig.TerminateServer() }})
	if got := run(stops); got.Verdict != outcome.Unsupported || !strings.Contains(got.Message, "stays in the foreground") {
		t.Errorf("got %s (%s), want unsupported, and what to do", got.Verdict, got.Message)
	}
}

// supervised is a server whose worker dies when a message is cut short, and is replaced.
const supervised = `
import os, socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
def serve(conn):
    with conn, conn.makefile("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"): os.abort()
            conn.sendall(line.upper())
def work():
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()
while True:
    if (pid := os.fork()) == 0: work()
    os.waitpid(pid, 0)
`

// endingAt is a scenario in which the stream ends at the given byte of the requests.
func endingAt(at int64) scenario.Scenario {
	return playing(scenario.Variant{Name: "cut", Faults: []spec.Spec{scenario.FaultAt("half_close", event.Upstream, at, nil)}})
}

func TestWorkerThatIsReplacedHasDied(t *testing.T) {
	target := started(t, supervised)
	target.Oracles = map[string]outcome.Level{"others": scenario.Off}
	r := New(Config{Seed: 1, Budget: 300 * time.Millisecond, Tmp: t.TempDir()})
	defer r.Close()
	for range 2 { // the second time on a server that has just been started
		results := r.RunScenario(t.Context(), target, endingAt(3))
		if len(results) != 1 || results[0].Verdict != outcome.Fail || !strings.Contains(results[0].Message, "has replaced it") {
			t.Errorf("got %+v, want a failure that names the process", results)
		}
	}
}

// recycled is a server whose worker serves one client and ends.
const recycled = `
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
def work():
    conn, _ = listener.accept()
    with conn, conn.makefile("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"): conn.sendall(line.upper())
    os._exit(0)
while True:
    if (pid := os.fork()) == 0: work()
    os.waitpid(pid, 0)
`

func TestWorkerThatAlwaysEndsHasNotDied(t *testing.T) {
	target := started(t, recycled)
	target.Oracles = map[string]outcome.Level{"others": scenario.Off}
	r := New(Config{Seed: 1, Budget: 300 * time.Millisecond, Tmp: t.TempDir()})
	defer r.Close()
	results := r.RunScenario(t.Context(), target, splitting(3))
	if len(results) != 1 || results[0].Verdict != outcome.Pass {
		t.Errorf("got %+v, want a pass", results)
	}
}
