package shutdown_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/shutdown"
)

// echo answers each line with itself, in a thread for each connection; at
// SIGTERM it calls stop.
const echo = `
import os, signal, socket, sys, threading, time
busy = set()
def serve(c):
    for line in c.makefile('rb'): c.sendall(line)
    busy.discard(c)
def stop(*_): %s
signal.signal(signal.SIGTERM, stop)
try:
    s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
except OSError:
    sys.exit(0)
while True:
    c, _ = s.accept()
    busy.add(c)
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`

// drain ends when the last client has gone, and lets others in meanwhile.
const drain = `threading.Thread(target=lambda: [time.sleep(.01) for _ in iter(lambda: bool(busy), False)] and os._exit(0)).start()`

// What turns nothing red is planted in no fixture: here the check fails.
func TestFails(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3")
	}
	tests := []struct {
		id, stop, policies string
		want               string // in the message
	}{
		{"shutdown/exit-status", "os._exit(3)", "{}", "status 3"},
		{"shutdown/exit-status", "os.kill(os.getpid(), signal.SIGABRT)", "{}", "aborted"},
		{"shutdown/no-new-connections", drain, "{stop: drain}", "answered a new client"},
		{"shutdown/port-taken", "os._exit(0)", "{}", "status 0"},
		{"shutdown/in-flight", "os._exit(0)", "{}", "did not answer the request"},
	}
	for _, tt := range tests {
		t.Run(tt.id+" "+tt.want, func(t *testing.T) {
			player := runner.New(runner.Config{Seed: 1, Tmp: t.TempDir()})
			defer player.Close()
			server := strings.Replace(echo, "%s", tt.stop, 1)
			results := player.RunScenario(t.Context(), target(t, python, server, tt.policies), find(t, tt.id))
			if len(results) != 1 || results[0].Verdict != outcome.Fail || !strings.Contains(results[0].Message, tt.want) {
				t.Errorf("got %+v, want a failure that says %q", results, tt.want)
			}
		})
	}
}

func find(t *testing.T, id string) scenario.Scenario {
	t.Helper()
	for _, s := range shutdown.Scenarios() {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no scenario %s", id)
	return scenario.Scenario{}
}

func target(t *testing.T, python, server, policies string) scenario.Target {
	t.Helper()
	const talk = "dialogue: echo\nframing: line\nexchanges:\n  - {send: \"hello\\n\", expect: \"hello\\n\"}\n  - {send: \"bye\\n\", expect: \"bye\\n\"}\nend: client closes\n"
	text := "version: 1\ntargets:\n  - name: echo\n    server: {command: [python, server, \"{port}\"]}\n    client: {dialogue: echo.yaml}\n    test: server\n    policies: " + policies + "\n"
	config, err := scenario.ParseConfig("harness.yaml", []byte(text), func(string) ([]byte, error) { return []byte(talk), nil })
	if err != nil {
		t.Fatal(err)
	}
	one := config.Targets[0]
	one.Server.Command = []string{python, "-c", server, "{port}"}
	one.Dir = ""
	return one
}
