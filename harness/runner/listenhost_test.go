package runner

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// overIPv6 asks a server at an address of IPv6 alone.
const overIPv6 = `
import socket, sys
with socket.socket(socket.AF_INET6) as c:
    c.connect((sys.argv[1], int(sys.argv[2])))
    with c.makefile("rwb") as f:
        f.write(b"hello\n"); f.flush()
        print(f.readline())
`

func clientAt(t *testing.T, listen string) scenario.Target {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: python3 is not installed: no client to start")
	}
	script := &scenario.Source{File: "u.yaml", Text: []byte("dialogue: u\nframing: line\nexchanges:\n  - {send: \"hello\\n\", expect: \"HELLO\\n\"}\nend: client closes\n")}
	return scenario.Target{Name: "c", Server: scenario.Peer{Dialogue: script, Listen: listen},
		Client: scenario.Peer{Command: []string{python, "-c", overIPv6, "{host}", "{port}"}}, Test: scenario.Client}
}

func splitReply() scenario.Scenario {
	return scenario.Scenario{ID: "t/split", Level: outcome.Must, Roles: scenario.ClientRole(), Variants: func(scenario.Case) ([]scenario.Variant, error) {
		f := spec.Spec{Type: "slice", Name: "slice_downstream", Direction: event.Downstream, Attributes: map[string]any{"offsets": []int64{2}}}
		return []scenario.Variant{{Faults: []spec.Spec{f}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}}}, nil
	}}
}

func TestClientOverIPv6(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("SKIPPED, NOT PROVEN HERE: this machine has no ::1: %v", err)
	}
	l.Close()
	r := New(Config{Seed: 1, Tmp: t.TempDir()})
	defer r.Close()
	for _, result := range r.RunScenario(t.Context(), clientAt(t, "::1"), splitReply()) {
		if result.Verdict != outcome.Pass {
			t.Errorf("got %s (%s), want a pass", result.Verdict, result.Message)
		}
	}
}

// If the machine does not have the address, the result says so and nothing is judged.
func TestClientAtAnAddressThatIsNotHere(t *testing.T) {
	r := New(Config{Seed: 1, Tmp: t.TempDir()})
	defer r.Close()
	got := r.RunScenario(t.Context(), clientAt(t, "2001:db8::1"), splitReply())
	if len(got) != 1 || got[0].Verdict != outcome.Unsupported || !strings.Contains(got[0].Message, "does not have the address 2001:db8::1") {
		t.Errorf("got %+v, want unsupported, and why", got)
	}
}
