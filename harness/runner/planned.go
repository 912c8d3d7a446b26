package runner

import (
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
)

// CountVariants returns how many variants the scenario comes to on the target, as far as
// its dialogue tells, without starting anything. known is false where only a control run
// tells. The error wraps [scenario.ErrUnsupported] where the scenario cannot be played.
func CountVariants(c Config, t scenario.Target, s scenario.Scenario) (n int, known bool, err error) {
	c = c.withDefaults()
	b := newTargetRun(c, nil, t)
	d, err := t.ParseDialogue()
	if err != nil {
		return 0, false, fmt.Errorf("dialogue of the target: %w", err)
	}
	if d == nil && !s.Alone {
		return 0, false, nil
	}
	if d != nil {
		script, err := d.ResolveScript(seed.New(c.Seed).SplitBy(t.Name))
		if err != nil {
			return 0, false, fmt.Errorf("dialogue of the target: %w", err)
		}
		b.SetConversation(scenario.ScriptedConversation(script))
	}
	r := &Runner{config: c}
	var unsupported error
	for _, role := range s.RolesOn(t) {
		variants, err := r.deriveVariants(s, r.caseOf(b, s, role))
		switch {
		case errors.Is(err, scenario.ErrUnsupported):
			unsupported = err
			continue
		case err != nil:
			return 0, false, err
		}
		n += len(r.selectVariants(variants))
	}
	if n == 0 && unsupported != nil {
		return 0, true, unsupported
	}
	return n, true, nil
}
