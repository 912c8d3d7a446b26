package runcmd

import (
	"encoding/json"
	"os"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/scenario"
)

// givenTargets returns the targets of the flags, or those that `harness mutate` made.
func (f *runFlags) givenTargets() ([]scenario.Target, error) {
	if f.targetsFrom == "" {
		return f.AllTargets()
	}
	text, err := os.ReadFile(f.targetsFrom)
	if err != nil {
		return nil, cli.HarnessErrorf("targets read: %w", err)
	}
	var all []scenario.Target
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, cli.HarnessErrorf("targets decode: %w", err)
	}
	return all, nil
}
