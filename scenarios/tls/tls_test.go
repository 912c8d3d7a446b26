package tls_test

import (
	"testing"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/tls"
)

// They are for targets on TLS alone; fixtures/tls_test.go plays them.
func TestOnlyTLS(t *testing.T) {
	script := scenario.Peer{Dialogue: &scenario.Source{Send: []string{"a\n"}, Expect: []string{"A\n"}}}
	for _, s := range tls.Scenarios() {
		for word, want := range map[string]bool{"{port}": false, "{path}": false, "{cert}": true, "{ca}": true} {
			program := scenario.Peer{Command: []string{"true", word}}
			target := scenario.Target{Name: "t", Test: scenario.Server, Client: script, Server: program}
			if len(s.Roles) == 1 && s.Roles[0] == scenario.Client {
				target = scenario.Target{Name: "t", Test: scenario.Client, Client: program, Server: script}
			}
			if s.Fits(target) != want {
				t.Errorf("%s on a command with %s: got %v", s.ID, word, !want)
			}
		}
	}
}
