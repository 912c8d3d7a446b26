package liveness_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/liveness"
)

// storeServer shares a table among its connections; read returns the lines of one.
const storeServer = `
import socket, sys, threading
table, pending, lock = {}, bytearray(), threading.Lock()
def own(c):
    return iter(c.makefile('rb').readline, b'')
def mixed(c):
    while data := c.recv(4096):
        with lock:
            pending.extend(data)
            lines = pending.split(b'\n')
            pending[:] = lines.pop()
        yield from map(bytes, lines)
def answer(line):
    verb, _, key = line.strip().partition(b' ')
    with lock:
        if verb == b'SET': table[key] = True
        if verb == b'SET': return b'STORED\n'
        if verb == b'GET': return b'1\n' if key in table else b'NONE\n'
        return b'DELETED\n' if table.pop(key, None) else b'NOT_FOUND\n'
def serve(c):
    with c:
        for line in READ(c): c.sendall(answer(line))
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`

const storeTalk = `dialogue: store
framing: line
exchanges:
  - {send: "SET KEY\n", expect: "STORED\n"}
  - {send: "GET KEY\n", expect: "1\n"}
  - {send: "DEL KEY\n", expect: "DELETED\n"}
  - {send: "GET KEY\n", expect: "NONE\n"}
end: client closes
`

// A server that mixes up what its clients send is red whether they have keys of their
// own or share state; one that only shares state is not.
func TestCrossTalk(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3")
	}
	for _, tt := range []struct {
		read, key string
		want      outcome.Verdict
	}{
		{"own", "a", outcome.Pass},
		{"own", "${connection}", outcome.Pass},
		{"mixed", "a", outcome.Fail},
		{"mixed", "${connection}", outcome.Fail},
	} {
		t.Run(tt.read+" "+tt.key, func(t *testing.T) {
			player := runner.New(runner.Config{Seed: 1, Tmp: t.TempDir()})
			defer player.Close()
			server := strings.Replace(storeServer, "READ", tt.read, 1)
			results := player.RunScenario(t.Context(), storeTarget(python, server, tt.key), find(t, "liveness/cross-talk"))
			if len(results) != 1 || results[0].Verdict != tt.want {
				t.Errorf("got %+v, want %s", results, tt.want)
			}
		})
	}
}

func storeTarget(python, server, key string) scenario.Target {
	return scenario.Target{
		Name:   "store",
		Server: scenario.Peer{Command: []string{python, "-c", server, "{port}"}},
		Client: scenario.Peer{Dialogue: &scenario.Source{File: "store.yaml", Text: []byte(strings.ReplaceAll(storeTalk, "KEY", key))}},
		Test:   scenario.Server,
	}
}

func find(t *testing.T, id string) scenario.Scenario {
	t.Helper()
	for _, s := range liveness.Scenarios() {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no scenario %s", id)
	return scenario.Scenario{}
}
