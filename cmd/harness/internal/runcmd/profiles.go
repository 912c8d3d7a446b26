package runcmd

import (
	"slices"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suggest"
)

// checkProfiles refuses a profile that does not exist, and writes out all.
func (f *runFlags) checkProfiles() error {
	if slices.Contains(f.profiles, "all") {
		f.profiles = scenario.ProfileNames()
	}
	for i, name := range f.profiles {
		if _, ok := scenario.FindProfile(name); !ok {
			hint := suggest.Hint(name, scenario.ProfileNames())
			if hint == "" {
				hint = "want one of " + strings.Join(scenario.ProfileNames(), ", ")
			}
			return cli.UsageErrorf("--profile %s: unknown profile, %s", name, hint)
		}
		if slices.Contains(f.profiles[:i], name) {
			return cli.UsageErrorf("--profile %s: named twice", name)
		}
	}
	return nil
}
