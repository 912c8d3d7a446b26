package runcmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/runner"
)

// omitLackingVariant leaves out what only says that a scenario has no variant of the name
// in --variant, and keeps count of it.
func (e *execution) omitLackingVariant(results []outcome.Result) []outcome.Result {
	return slices.DeleteFunc(results, func(r outcome.Result) bool {
		if !runner.LacksVariant(r) {
			return false
		}
		e.lacking[r.SpecName()] = strings.TrimPrefix(r.Message, "unsupported: it ")
		return true
	})
}

// tellLackingVariant counts in one line what was left out.
func (e *execution) tellLackingVariant() {
	if len(e.lacking) == 0 || e.flags.quiet || e.toStdout() {
		return
	}
	e.terminal.Printf("left out: %s without a variant %q\n", plural.Count(len(e.lacking), "scenario"), e.flags.variant)
}

// noVariantError is what a run ends with that has no result, because no scenario has the
// variant. It names a scenario, and a variant that it has if one has a name.
func (e *execution) noVariantError(d outcome.Run) error {
	if len(e.lacking) == 0 || d.ExitCode(e.flags.strict) != outcome.ExitNothing {
		return nil
	}
	ids := slices.Sorted(maps.Keys(e.lacking))
	first := ids[0]
	if i := slices.IndexFunc(ids, func(id string) bool { return strings.HasSuffix(e.lacking[id], `"`) }); i >= 0 {
		first = ids[i]
	}
	return cli.ExitError{Code: outcome.ExitNothing, Err: fmt.Errorf("nothing was selected: %s %s", first, e.lacking[first])}
}
