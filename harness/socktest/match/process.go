package match

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega/types"

	"github.com/sockharness/harness/harness/socktest"
)

// BeAliveAsBefore succeeds for a [*socktest.Process] that runs, and holds no more
// descriptors, sockets, descendants, threads and zombies than when it was ready. Use it
// with Eventually: a server needs a moment to close what a client has closed.
func BeAliveAsBefore() types.GomegaMatcher { return HoldOracles("alive", "descriptors") }

// idleTime is how long the oracle idle looks on.
const idleTime = 200 * time.Millisecond

// oracles are rules that need no knowledge of the protocol, by name.
func oracles() map[string]func(*socktest.Process) error {
	return map[string]func(*socktest.Process) error{
		"alive": func(p *socktest.Process) error {
			if p.ExitCode() != -1 {
				return fmt.Errorf("%v", p)
			}
			return nil
		},
		"descriptors": (*socktest.Process).AliveAsBefore,
		"idle":        func(p *socktest.Process) error { return p.Idle(idleTime) },
	}
}

// HoldOracles succeeds for a [*socktest.Process] that keeps the rules of the given
// names, without names all of them: "alive" (it runs), "descriptors" (it leaks no
// descriptors, sockets, descendants or zombies), "idle" (it uses no CPU while nobody
// asks it for anything; it is watched for 0.2 s).
func HoldOracles(names ...string) types.GomegaMatcher { return &hold{names: names} }

type hold struct {
	names    []string
	failures []string
}

func (m *hold) Match(actual any) (bool, error) {
	p, ok := actual.(*socktest.Process)
	if !ok || p == nil {
		return false, fmt.Errorf("want a *socktest.Process, got %T", actual)
	}
	rules, names := oracles(), m.names
	if len(names) == 0 {
		names = []string{"alive", "descriptors", "idle"}
	}
	m.failures = nil
	for _, name := range names {
		rule, known := rules[name]
		if !known {
			return false, fmt.Errorf("no oracle is called %q: want alive, descriptors or idle", name)
		}
		if err := rule(p); err != nil && !slices.Contains(m.failures, err.Error()) {
			m.failures = append(m.failures, err.Error())
		}
	}
	return len(m.failures) == 0, nil
}

// MatchMayChangeInTheFuture tells Eventually whether to wait: a process that has ended
// does not come back.
func (m *hold) MatchMayChangeInTheFuture(actual any) bool {
	p, ok := actual.(*socktest.Process)
	return ok && p.ExitCode() == -1
}

func (m *hold) FailureMessage(any) string { return strings.Join(m.failures, "\n") }

func (m *hold) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("want a rule to be broken by %v", actual)
}
