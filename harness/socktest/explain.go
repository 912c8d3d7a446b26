package socktest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/plural"
)

// explainFailure tells of a proxy in a test that has failed, if it is one of its newest;
// write, unless nil, writes what is kept of it.
func explainFailure(tb testing.TB, seed int64, describe func() string, write func(number int)) {
	tb.Helper()
	number := liveTests.numberOf(tb)
	if number <= mostDescribed {
		tb.Log(describe())
		if write != nil {
			write(number)
		}
	}
	if attr, ok := tb.(interface{ Attr(key, value string) }); ok && number == 1 {
		attr.Attr("harness.replay", replayLine(tb, seed))
	}
}

// describedConns is how many connections a failed test tells of.
const describedConns = 5

// describeProxy tells what a proxy has seen and how to run the test again.
func describeProxy(tb testing.TB, what string, seed int64, injections []*Injection, conns []string) string {
	lines := []string{fmt.Sprintf("socktest: %s, seed %d; to run the test again: %s", what, seed, replayLine(tb, seed))}
	for _, i := range injections {
		lines = append(lines, "injection "+i.String())
	}
	if skipped := len(conns) - describedConns; skipped > 0 {
		lines = append(lines, fmt.Sprintf("%s before these:", plural.Count(skipped, "connection")))
		conns = conns[skipped:]
	}
	return strings.Join(append(lines, conns...), "\n    ")
}
