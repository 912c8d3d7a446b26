package pipes_test

import (
	"testing"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/pipes"
)

// They are for servers on pipes alone; cmd/harness/testdata/script/pipes.txtar plays them.
func TestOnlyPipes(t *testing.T) {
	script := scenario.Peer{Dialogue: &scenario.Source{Send: []string{"a\n"}, Expect: []string{"A\n"}}}
	for _, s := range pipes.Scenarios() {
		for transport, want := range map[scenario.Transport]bool{"": false, scenario.Unix: false, scenario.Pipes: true} {
			target := scenario.Target{Name: "t", Test: scenario.Server, Client: script,
				Server: scenario.Peer{Command: []string{"true"}, Transport: transport}}
			if s.Fits(target) != want {
				t.Errorf("%s on %q: got %v", s.ID, transport, !want)
			}
		}
	}
}
