package suite

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// BeGreen succeeds for []outcome.Result of which none fails at level must and
// none is invalid.
func BeGreen() types.GomegaMatcher { return green{} }

type green struct{}

// Match implements [types.GomegaMatcher].
func (green) Match(actual any) (bool, error) {
	results, ok := actual.([]outcome.Result)
	if !ok {
		return false, fmt.Errorf("BeGreen wants []outcome.Result, got %T", actual)
	}
	return len(redResults(results)) == 0, nil
}

// FailureMessage implements [types.GomegaMatcher].
func (green) FailureMessage(actual any) string {
	results := actual.([]outcome.Result)
	bad := redResults(results)
	lines := make([]string, 0, len(bad))
	for _, r := range bad {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s", r.Verdict, r.Variant, r.Message)))
	}
	return fmt.Sprintf("%d of %s are not green\n%s", len(bad), plural.Count(len(results), "variant"), strings.Join(lines, "\n"))
}

// NegatedFailureMessage implements [types.GomegaMatcher].
func (green) NegatedFailureMessage(any) string { return "every variant is green" }

func redResults(results []outcome.Result) []outcome.Result {
	var bad []outcome.Result
	for _, r := range results {
		if r.CountsAsRed(false) {
			bad = append(bad, r)
		}
	}
	return bad
}
