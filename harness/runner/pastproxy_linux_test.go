package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// A client may leave the proxy, because its protocol tells it an address. The result says that this
// is why a fault does not strike; without a fault it is a remark.
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

// Connections of other variants, and of controls side by side, go through other proxies. They do not
// count as past the proxy.
func TestOtherProxiesAreNotPastTheProxy(t *testing.T) {
	target := programTarget(t, scenario.Client)
	self := target.Client.Command[0]
	target.Server = scenario.Peer{Command: []string{self, "program-server", "{port}"}, Env: target.Client.Env}
	variants := make([]scenario.Variant, 4)
	for i := range variants {
		variants[i] = scenario.Variant{Name: fmt.Sprint("never", i), Faults: []spec.Spec{scenario.FaultAt("half_close", event.Downstream, 500, nil)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}}
	}
	s := playing(variants...)
	s.Roles = []scenario.Role{scenario.Client}
	r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Clients: 4, Tmp: t.TempDir()})
	defer r.Close()
	for _, result := range r.RunScenario(t.Context(), target, s) {
		if text := result.Message + strings.Join(result.Notes, "\n"); result.Verdict != outcome.Invalid || strings.Contains(text, "past the proxy") {
			t.Errorf("got %s %q, want invalid, and nothing past the proxy", result.Verdict, text)
		}
	}
}
