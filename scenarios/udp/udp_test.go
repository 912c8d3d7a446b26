package udp_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/udp"
)

const fixtures = "../../fixtures/udp/"

// target is a Python program of the fixtures, as server or client.
func target(t *testing.T, program string) scenario.Target {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: python3 is not installed: no program to test")
	}
	config := "version: 1\ntargets:\n  - name: p\n    server: {command: [" + python + ", ../../fixtures/udp/" + program + "/server.py, 127.0.0.1, \"{port}\"], transport: udp}\n" +
		"    client: {dialogue: " + fixtures + "dialogue.yaml}\n    test: server\n    policies: {truncated: ignored, pipelining: true, idempotent: false, max_message: 4096}\n"
	if strings.HasPrefix(program, "python-client") {
		config = "version: 1\ntargets:\n  - name: p\n    server: {dialogue: " + fixtures + "client-dialogue.yaml, transport: udp}\n" +
			"    client: {command: [" + python + ", ../../fixtures/udp/" + program + "/client.py, \"{host}\", \"{port}\"]}\n    test: client\n" +
			"    policies: {answer_timeout: 3s, retries: 2, truncated: error}\n"
	}
	c, err := scenario.ParseConfig("harness.yaml", []byte(config), readFile)
	if err != nil {
		t.Fatal(err)
	}
	return c.Targets[0]
}

// play returns the verdicts of the scenarios with these ids, of all without one.
func play(t *testing.T, program string, ids ...string) map[string][]outcome.Result {
	t.Helper()
	one := target(t, program)
	player := runner.New(runner.Config{Seed: 1, Tmp: t.TempDir(), Clients: 4})
	defer player.Close()
	got := map[string][]outcome.Result{}
	for _, s := range udp.Scenarios() {
		if s.Fits(one) && (len(ids) == 0 || slices.Contains(ids, s.ID)) {
			got[s.ID] = player.RunScenario(t.Context(), one, s)
		}
	}
	if len(got) == 0 {
		t.Fatalf("%s: no scenario of %v", program, ids)
	}
	return got
}

// A correct program passes each scenario, in at least one variant.
func TestCorrectPrograms(t *testing.T) {
	for _, program := range []string{"python-pktinfo"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			for id, results := range play(t, program) {
				passed := slices.ContainsFunc(results, func(r outcome.Result) bool { return r.Verdict == outcome.Pass })
				for _, r := range results {
					if r.Verdict != outcome.Pass && r.Verdict != outcome.Unsupported || !passed {
						t.Errorf("%s %s: %s: %s", id, r.Variant, r.Verdict, r.Message)
					}
				}
			}
		})
	}
}

// A broken one fails where its bug is, and the message says why. TestProof of the fixtures
// has the others.
func TestBrokenPrograms(t *testing.T) {
	for _, tt := range []struct{ program, id, says string }{
		{"python-counts-twice", "udp/duplicated-request", "the reply differs"},
		{"python-arrival-order", "udp/reordered-requests", "after request 3 came before request 2"},
		{"python-empty-ends", "udp/empty-datagram", "the server process ended"},
		{"python-recverr-ends", "udp/client-gone", "ConnectionRefusedError"},
		{"python-client-any-answer", "udp/duplicated-reply", "output differs"},
		{"python-client-exit-0", "udp/refused", "exited with status 0"},
	} {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			results := play(t, tt.program, tt.id)[tt.id]
			at := slices.IndexFunc(results, func(r outcome.Result) bool {
				return r.Verdict == outcome.Fail && r.Share != nil && strings.Contains(r.Message, tt.says)
			})
			if at < 0 {
				for _, r := range results {
					t.Logf("%s: %s: %s", r.Variant, r.Verdict, r.Message)
				}
				t.Fatalf("want a failure that says %q", tt.says)
			}
			if share := results[at].Share; share.Failed != share.Runs {
				t.Errorf("it was not confirmed: %+v", share)
			}
		})
	}
}

// They are for UDP alone.
func TestOnlyUDP(t *testing.T) {
	stream := scenario.Target{Name: "t", Test: scenario.Server, Server: scenario.Peer{Command: []string{"true"}},
		Client: scenario.Peer{Dialogue: &scenario.Source{Send: []string{"a\n"}, Expect: []string{"A\n"}}}}
	for _, s := range udp.Scenarios() {
		if s.Fits(stream) {
			t.Errorf("%s fits a target on TCP", s.ID)
		}
	}
}

func readFile(path string) ([]byte, error) { return os.ReadFile(path) }
