package runner

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// A client that leaves the proxy, since its protocol tells it an address, is the reason why a
// fault does not strike, and is told of without one.
func TestClientThatLeavesTheProxyIsSeen(t *testing.T) {
	target := programTarget(t, scenario.Client)
	self := target.Client.Command[0]
	target.Server = scenario.Peer{Command: []string{self, "program-telling", "{port}"}, Env: target.Client.Env}
	target.Client.Command = []string{self, "program-leaving", "{addr}"}
	never := scenario.Variant{Name: "never", Faults: []spec.Spec{scenario.FaultAt("half_close", event.Downstream, 500, nil)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}}
	s := playing(never)
	s.Roles = []scenario.Role{scenario.Client}
	r := play1(t, target, s)
	want(t, r, outcome.Invalid, "did not strike", "1 connection came to the server past the proxy")
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "without a fault: 1 connection came to the server past the proxy") {
		t.Errorf("got the notes %q, want that the client leaves the proxy without a fault too", notes)
	}
}
