package suite

import (
	"fmt"

	"github.com/onsi/gomega/types"

	"github.com/sockharness/harness/harness/scenario"
)

// HoldOracle succeeds for a scenario.Observation that does not break the default
// oracle of that name, whatever level the target gives it.
func HoldOracle(oracle string) types.GomegaMatcher { return &hold{name: oracle} }

type hold struct {
	name string
	err  error
}

// Match implements [types.GomegaMatcher].
func (h *hold) Match(actual any) (bool, error) {
	oracle, ok := scenario.FindOracle(h.name)
	if !ok {
		return false, fmt.Errorf("there is no oracle %q", h.name)
	}
	o, ok := actual.(scenario.Observation)
	if !ok {
		return false, fmt.Errorf("oracle %q wants a scenario.Observation, got %T", h.name, actual)
	}
	h.err = oracle.Check(o)
	return h.err == nil, nil
}

// FailureMessage implements [types.GomegaMatcher].
func (h *hold) FailureMessage(any) string { return fmt.Sprintf("%s: %v", h.name, h.err) }

// NegatedFailureMessage implements [types.GomegaMatcher].
func (h *hold) NegatedFailureMessage(any) string { return h.name + " holds" }
