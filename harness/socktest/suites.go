package socktest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios"
)

// commandPrefix marks a command among the addresses that a start function returns.
const commandPrefix = "command: "

// Command is a start function for [TestServer] and [TestClient]: the program is
// started, as often as scenarios need it, with {port}, {host}, {addr} and {tmp}
// replaced.
func Command(line string) func(testing.TB) string {
	return func(testing.TB) string { return commandPrefix + line }
}

// TestServer holds a server against every built-in suite, each scenario as a subtest
// of t: replies cut and merged, half-closes, resets, refusals, silent and crowding
// clients. The start function starts a server in this process and returns the address
// where it listens, or is [Command]. What a server of this process cannot be asked,
// such as whether it leaks descriptors, is skipped.
//
// A subtest fails for a violation of level must; violations of lower levels are
// logged. The options are [Seed] and [Sweep].
func TestServer(t *testing.T, start func(testing.TB) string, d Dialogue, opts ...Option) {
	t.Helper()
	runSuites(t, scenario.Server, start, d, opts)
}

// TestClient holds a client against every built-in suite, as [TestServer] does a server.
// The start function is [Command], whose {addr} is where the client is to connect.
func TestClient(t *testing.T, start func(testing.TB) string, d Dialogue, opts ...Option) {
	t.Helper()
	runSuites(t, scenario.Client, start, d, opts)
}

// Sweep sets how many variants of a scenario are played at most, such as offsets of a
// message; 32 is the default.
func Sweep(variants int) Option {
	return Option{"Sweep", func(o *options) error {
		o.sweep = variants
		if variants < 2 {
			return fmt.Errorf("must be 2 or more, got %d", variants)
		}
		return nil
	}}
}

const (
	defaultSweep    = 32
	scenarioTimeout = 2 * time.Minute
)

func runSuites(t *testing.T, role scenario.Role, start func(testing.TB) string, d Dialogue, opts []Option) {
	t.Helper()
	o, err := readOptions(opts, "Seed", "Sweep")
	if err == nil {
		err = d.err
	}
	if err == nil && o.seed == nil {
		var seed int64
		seed, err = testSeed()
		o.seed = &seed
	}
	if err == nil && start == nil {
		err = fmt.Errorf("the start function is nil")
	}
	if err != nil {
		t.Fatalf("socktest: suites: %v", err)
	}
	target, err := makeTarget(t, role, start(t), d)
	if err != nil {
		t.Fatalf("socktest: suites: %v", err)
	}
	sweep := o.sweep
	if sweep == 0 {
		sweep = defaultSweep
	}
	r := runner.New(runner.Config{Seed: *o.seed, Tmp: t.TempDir(), Sweep: sweep})
	t.Cleanup(r.Close)
	for _, topic := range scenarios.Topics() {
		t.Run(topic.Name, func(t *testing.T) {
			for _, s := range topic.List() {
				if s.Fits(target) {
					runScenario(t, r, target, s, *o.seed)
				}
			}
		})
	}
}

// makeTarget is what a harness.yaml would say of the peer under test.
func makeTarget(t *testing.T, role scenario.Role, where string, d Dialogue) (scenario.Target, error) {
	under := scenario.Peer{Address: where}
	if line, ok := strings.CutPrefix(where, commandPrefix); ok {
		words, err := peer.ParseCommand(line)
		if err != nil {
			return scenario.Target{}, err
		}
		under = scenario.Peer{Command: words}
	} else if role == scenario.Client {
		return scenario.Target{}, fmt.Errorf("a client is started by Command, got %q", where)
	}
	target := scenario.Target{Name: "test", Server: under, Client: scenario.Peer{Dialogue: &d.source}, Test: role}
	if role == scenario.Client {
		target.Server, target.Client = target.Client, target.Server
	}
	return target, d.source.Check()
}

// runScenario plays one scenario as a subtest.
func runScenario(t *testing.T, r *runner.Runner, target scenario.Target, s scenario.Scenario, seed int64) {
	_, name, _ := strings.Cut(s.ID, "/")
	t.Run(name, func(t *testing.T) {
		ctx, cancel := contextFor(t)
		defer cancel()
		results := r.RunScenario(ctx, target, s)
		if len(results) == 0 {
			t.Fatalf("%s: did not end within %v", s.ID, scenarioTimeout)
		}
		skipped := 0
		for _, result := range results {
			text := strings.TrimSpace(result.Variant + "\n" + result.Message)
			switch {
			case result.Verdict == outcome.Pass:
			case result.Verdict == outcome.Unsupported:
				skipped++
			case result.CountsAsRed(false):
				t.Errorf("%s (%s): %s: %s", result.Verdict, result.Level, s.Title, text)
			default:
				t.Logf("%s (%s): %s: %s", result.Verdict, result.Level, s.Title, text)
			}
		}
		if t.Failed() {
			t.Logf("why: %s\nreference: %s\nto run it again: %s", s.Rationale, s.Ref, replayLine(t, seed))
		}
		if skipped == len(results) {
			t.Skip(results[0].Message)
		}
	})
}

func contextFor(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), scenarioTimeout)
}
