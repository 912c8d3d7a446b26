package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// findingKey is what groups of one finding have in common.
type findingKey struct {
	section section
	target  string
	cause   string
}

// findings makes one group of those that one cause explains, in the order of their
// first appearance: the best witness, which is told in full, and the groups that agree
// with it. Groups that are blocked by the same cause go with it. A group whose results
// name no cause stays as it is.
func findings(groups []group) []group {
	causes := newCauseSets(groups)
	index := map[findingKey]int{}
	var out []group
	for _, g := range groups {
		key := findingKey{g.section, g.results[0].Target, causes.find(g)}
		at, known := index[key]
		switch {
		case key.cause == "":
			out = append(out, g)
		case known && !confirmed(out[at]) && confirmed(g):
			g.agreeing = append(slices.Clone(out[at].agreeing), alone(out[at]))
			out[at] = g
		case known:
			out[at].agreeing = append(out[at].agreeing, g)
		default:
			index[key] = len(out)
			out = append(out, g)
		}
	}
	return attachBlocked(out, causes)
}

func alone(g group) group {
	g.agreeing = nil
	return g
}

// attachBlocked moves what is blocked by a cause to the finding that has the same cause:
// there is nothing else to mend.
func attachBlocked(groups []group, causes causeSets) []group {
	most := map[findingKey]int{} // of each cause, the finding that costs most
	for i, g := range groups {
		key := findingKey{target: g.results[0].Target, cause: causes.find(g)}
		at, known := most[key]
		if key.cause != "" && g.results[0].Verdict == outcome.Fail && (!known || g.section > groups[at].section) {
			most[key] = i
		}
	}
	attached := make([]bool, len(groups))
	for i, g := range groups {
		key := findingKey{target: g.results[0].Target, cause: causes.find(g)}
		at, known := most[key]
		if g.section == blocked && known && groups[at].section == failed {
			groups[at].blocked = append(groups[at].blocked, append([]group{alone(g)}, g.agreeing...)...)
			attached[i] = true
		}
	}
	var out []group
	for i, g := range groups {
		if !attached[i] {
			out = append(out, g)
		}
	}
	return out
}

// confirmed reports whether the failure was seen in every rerun.
func confirmed(g group) bool {
	return slices.ContainsFunc(g.results, func(r outcome.Result) bool {
		return r.Share != nil && r.Share.Failed == r.Share.Runs
	})
}

// causeSets names the cause of each group. Wrong bytes that one scenario has shown
// are one cause, even where the bytes differ from variant to variant.
type causeSets map[string]string // cause on a target to the one that stands for it

// wrongBytes begins the causes of which one bug has many.
const wrongBytes = "first wrong byte "

func newCauseSets(groups []group) causeSets {
	sets := causeSets{}
	first := map[scenarioKey]string{} // the first cause of the scenario
	for _, g := range groups {
		cause := causeOf(g)
		if !strings.Contains(cause, wrongBytes) {
			continue
		}
		place := scenarioKey{g.results[0].Target, g.results[0].Scenario}
		if other, known := first[place]; known {
			sets.join(other, cause)
		} else {
			first[place] = cause
		}
	}
	return sets
}

func (s causeSets) root(cause string) string {
	for s[cause] != "" {
		cause = s[cause]
	}
	return cause
}

func (s causeSets) join(a, b string) {
	if a, b = s.root(a), s.root(b); a != b {
		s[b] = a
	}
}

// find returns the cause that stands for the group's, "" where the results name none.
func (s causeSets) find(g group) string { return s.root(causeOf(g)) }

// causeOf is the cause of the results, without the numbers and quotes that differ from
// run to run, and with the target, whose bug it is.
func causeOf(g group) string {
	r := g.results[0]
	if r.Cause == "" || r.Verdict != outcome.Fail && r.Verdict != outcome.Blocked {
		return ""
	}
	return r.Target + "\x00" + messageClass(r.Cause)
}

// agreement tells which other results show the same, and which scenarios could not be
// judged because of it.
func (p *textWriter) agreement(g group) {
	if n := resultsIn(g.agreeing); n > 0 {
		p.addText("  ", plain, fmt.Sprintf("probably the same bug in %s: %s", plural.Count(n, "more result"), scenarioList(g.agreeing)))
	}
	if len(g.blocked) > 0 {
		p.addText("  ", plain, "blocked by it, because they also fail without their own fault: "+scenarioList(g.blocked))
	}
}

func resultsIn(groups []group) int {
	n := 0
	for _, g := range groups {
		n += len(g.results)
	}
	return n
}

// scenariosOf lists the scenarios of the groups, each once.
func scenariosOf(groups []group) []string {
	var out []string
	for _, g := range groups {
		for _, r := range g.results {
			if !slices.Contains(out, r.Scenario) {
				out = append(out, r.Scenario)
			}
		}
	}
	return out
}

// scenarioList names the scenarios of the groups, with the number of results of each
// where it has more than one.
func scenarioList(groups []group) string {
	counts := map[string]int{}
	for _, g := range groups {
		for _, r := range g.results {
			counts[r.Scenario]++
		}
	}
	names := scenariosOf(groups)
	for i, name := range names {
		if n := counts[name]; n > 1 {
			names[i] = fmt.Sprintf("%s (%d)", name, n)
		}
	}
	return strings.Join(names, ", ")
}
