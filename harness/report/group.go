package report

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// A section is a part of the text report; sections are printed in this order,
// so that what turns the run red is what stays on the screen.
type section int

const (
	passed section = iota
	unsupported
	waived
	ongoing // fails, and the baseline does too
	forInformation
	may
	should
	flaky
	stale
	blocked
	invalid
	failedShould // with Strict
	failed
	sections
)

func sectionOf(r outcome.Result, strict bool) section {
	if r.State == outcome.Ongoing && r.Verdict != outcome.Invalid {
		return ongoing
	}
	switch r.Verdict {
	case outcome.Pass:
		return passed
	case outcome.Unsupported:
		return unsupported
	case outcome.Waived:
		return waived
	case outcome.Flaky:
		return flaky
	case outcome.Stale:
		return stale
	case outcome.Blocked:
		return blocked
	case outcome.Fail:
		return failureSection(r.Level, strict)
	}
	return invalid
}

func failureSection(level outcome.Level, strict bool) section {
	switch {
	case level == outcome.Must:
		return failed
	case level == outcome.Should && strict:
		return failedShould
	case level == outcome.Should:
		return should
	case level == outcome.Info:
		return forInformation
	}
	return may
}

// A group is what is told in one block: the variants of one scenario on one
// target that came to the same, or many scenarios with the same message.
type group struct {
	section   section
	scenarios []string
	results   []outcome.Result // never empty
	variants  int              // of the scenario on the target, whatever they came to
	offsets   bool             // each of them is a byte offset
	agreeing  []group          // what the same cause explains, see [findings]
	blocked   []group          // what cannot be judged because of it
}

// exampleResult returns the result that stands for the group: the first with a
// timeline, else the first.
func (g group) exampleResult() outcome.Result {
	for _, r := range g.results {
		if len(r.Events) > 0 {
			return r
		}
	}
	return g.results[0]
}

type scenarioKey struct{ target, scenario string }

type groupKey struct {
	scenarioKey
	verdict outcome.Verdict
	level   outcome.Level
	check   string
	ending  outcome.Endings
	class   string
	cause   string
}

// groupResults groups the results, in the order of their first appearance. What one cause
// explains is one group, unless everything is to be told.
func groupResults(results []outcome.Result, strict, everything bool) []group {
	groups := foldVariants(results, strict)
	if !everything {
		groups = findings(groups)
	}
	return mergeGroups(groups)
}

// foldVariants groups the variants of each scenario that came to the same.
func foldVariants(results []outcome.Result, strict bool) []group {
	variants, offsets := countVariants(results)
	var groups []group
	index := map[groupKey]int{}
	for _, r := range results {
		scenario := scenarioKey{r.Target, r.Scenario}
		key := groupKey{scenario, r.Verdict, r.Level, r.Check, r.Ending, messageClass(r.Message), messageClass(r.Cause)}
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, group{section: sectionOf(r, strict), scenarios: []string{r.Scenario}, variants: variants[scenario], offsets: offsets[scenario]})
		}
		groups[i].results = append(groups[i].results, r)
	}
	return groups
}

// countVariants counts the variants of each scenario, those that several checks
// speak of once, and tells whether it sweeps over byte offsets.
func countVariants(results []outcome.Result) (variants map[scenarioKey]int, offsets map[scenarioKey]bool) {
	type variantKey struct {
		scenarioKey
		variant string
	}
	type checkKey struct {
		variantKey
		check string
	}
	checks, most := map[checkKey]int{}, map[variantKey]int{}
	variants, offsets = map[scenarioKey]int{}, map[scenarioKey]bool{}
	for _, r := range results {
		if r.IsScenarioWide() || r.Verdict == outcome.Stale {
			continue
		}
		scenario := scenarioKey{r.Target, r.Scenario}
		key := variantKey{scenario, r.Variant}
		checks[checkKey{key, r.Check}]++
		if n := checks[checkKey{key, r.Check}]; n > most[key] {
			most[key] = n
			if _, seen := offsets[scenario]; !seen {
				offsets[scenario] = true
			}
			offsets[scenario] = offsets[scenario] && strings.HasPrefix(r.Variant, "byte=")
			variants[scenario]++
		}
	}
	return variants, offsets
}

// manyScenarios is from how many scenarios on the same message is said once.
const manyScenarios = 3

type messageKey struct {
	section section
	target  string
	check   string
	message string
}

func keyOf(g group) messageKey {
	r := g.results[0]
	key := messageKey{g.section, r.Target, r.Check, r.Message}
	if g.section == invalid || g.section == blocked || g.section == unsupported {
		key.message = messageClass(r.Message) // ports and times differ, the cause does not
	}
	return key
}

// mergeGroups makes one group of those that say the same about many scenarios of a
// target.
func mergeGroups(groups []group) []group {
	scenarios := map[messageKey]map[string]bool{}
	for _, g := range groups {
		key := keyOf(g)
		if scenarios[key] == nil {
			scenarios[key] = map[string]bool{}
		}
		scenarios[key][g.scenarios[0]] = true
	}
	var out []group
	index := map[messageKey]int{}
	for _, g := range groups {
		key := keyOf(g)
		if g.section == passed || key.message == "" || len(g.agreeing)+len(g.blocked) > 0 || len(scenarios[key]) < manyScenarios {
			out = append(out, g)
			continue
		}
		i, ok := index[key]
		if !ok {
			index[key] = len(out)
			out = append(out, g)
			continue
		}
		if !slices.Contains(out[i].scenarios, g.scenarios[0]) {
			out[i].scenarios = append(out[i].scenarios, g.scenarios[0])
		}
		out[i].results = append(out[i].results, g.results...)
	}
	return out
}

var (
	quoted      = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	number      = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)*(?:ns|µs|ms|s|m|h)?\b`)
	countedNoun = regexp.MustCompile(`# (?:more )?[a-z]+`) // after number
	dump        = regexp.MustCompile(`(?m)^  (?:[-+ ] [0-9a-f]{8}  [^|]*\|.{1,16}\||… [0-9]+ bytes? (?:before|after)$)\n?`)
)

// messageClass is the message without what differs from variant to variant:
// rows of hex, quoted bytes, numbers and durations, and whether 1 or 2 are counted.
func messageClass(s string) string {
	const enough = 4000
	s = s[:min(len(s), enough)]
	s = number.ReplaceAllString(quoted.ReplaceAllString(dump.ReplaceAllString(s, ""), `""`), "#")
	return countedNoun.ReplaceAllStringFunc(s, plural.Singular)
}
