package framing_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/framing"
)

// count answers each line with its length: no relation can be learned.
const count = `
import socket, sys, threading
def serve(c):
    for line in c.makefile('rb'):
        if len(line) > %s: threading.Event().wait()
        c.sendall(b'%%d\n' %% len(line))
    c.close()
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`

// Where the answers are not known, a server is green that goes on with the next
// request, and red at level should when it falls silent.
func TestUnrelated(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3")
	}
	tests := []struct {
		name, most string
		fails      bool
	}{
		{"goes on", "1000000", false},
		{"falls silent", "5000", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			player := runner.New(runner.Config{Seed: 1, Tmp: t.TempDir(), Budget: 1e9})
			defer player.Close()
			server := strings.Replace(strings.ReplaceAll(count, "%%", "%"), "%s", tt.most, 1)
			failures := 0
			for _, r := range player.RunScenario(t.Context(), counting(t, python, server), framing.Scenarios()[0]) {
				switch {
				case r.Verdict == outcome.Fail && r.Level == outcome.Should && strings.Contains(r.Message, "got a wrong answer"):
					failures++
				case r.Verdict != outcome.Pass:
					t.Errorf("%s: %s (%s) %s", r.Variant, r.Verdict, r.Level, r.Message)
				}
			}
			if (failures > 0) != tt.fails {
				t.Errorf("%d failures", failures)
			}
		})
	}
}

func counting(t *testing.T, python, server string) scenario.Target {
	t.Helper()
	const talk = "dialogue: count\nframing: line\nexchanges:\n  - {send: \"hello\\n\", expect: \"6\\n\"}\n  - {send: \"bye\\n\", expect: \"4\\n\"}\nend: client closes\n"
	const text = "version: 1\ntargets:\n  - name: count\n    server: {command: [python, server, \"{port}\"]}\n    client: {dialogue: count.yaml}\n    test: server\n"
	config, err := scenario.ParseConfig("harness.yaml", []byte(text), func(string) ([]byte, error) { return []byte(talk), nil })
	if err != nil {
		t.Fatal(err)
	}
	one := config.Targets[0]
	one.Server.Command = []string{python, "-c", server, "{port}"}
	one.Dir = ""
	return one
}
