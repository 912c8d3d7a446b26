package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// maxSteps is how many failures the list at the end names.
const maxSteps = 8

// nextSteps lists what turns the run red, one line each and the most telling first:
// how many scenarios fail alike, and how, and which to begin with.
func (p *textWriter) nextSteps(groups []group, strict bool) {
	var steps []group
	for _, g := range groups {
		if g.turnsRed(strict) {
			steps = append(steps, g)
		}
	}
	if len(steps) == 0 {
		return
	}
	slices.SortStableFunc(steps, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.section, a.section), cmp.Compare(b.size(), a.size()))
	})
	p.addLine(span{bold, "what to do next:"})
	for i, g := range steps[:min(len(steps), maxSteps)] {
		p.addHanging("  ", fmt.Sprintf("%d. ", i+1), plain, g.step(), 0)
	}
	if rest := len(steps) - maxSteps; rest > 0 {
		p.addText("  ", dim, fmt.Sprintf("… (%d more, above)", rest))
	}
}

// size is the number of scenarios that agree.
func (g group) size() int {
	return max(len(g.scenarios), len(scenariosOf(append([]group{g}, g.agreeing...))))
}

// step is the line on a group: "kv: 21 scenarios fail alike: it does not close; begin with
// eof/after-message".
func (g group) step() string {
	r := g.exampleResult()
	what := shortLine(r.Message)
	if what == "" {
		what = string(r.Verdict)
	}
	if g.size() > 1 {
		return fmt.Sprintf("%s: %s fail alike: %s; begin with %s", cleanLine(r.Target), plural.Count(g.size(), "scenario"), what, cleanLine(r.Scenario))
	}
	if r.Check != "" {
		return fmt.Sprintf("%s: %s (%s): %s", cleanLine(r.Target), cleanLine(r.Scenario), cleanLine(r.Check), what)
	}
	return fmt.Sprintf("%s: %s: %s", cleanLine(r.Target), cleanLine(r.Scenario), what)
}

// shortLine is the first line of a message, cut where it is too long for a list.
func shortLine(message string) string {
	const most = 160
	line := []rune(strings.TrimSuffix(cleanFirst(message), ":"))
	if len(line) <= most {
		return string(line)
	}
	return string(line[:most]) + "…"
}

// targetTable counts the variants of each target by what they came to. It is told where
// there are several targets, or something is red.
func (p *textWriter) targetTable(d outcome.Run, strict bool) {
	names, counted, used := countByTarget(d, strict)
	if len(names) == 0 || len(names) == 1 && d.ExitCode(strict) == outcome.ExitOK {
		return
	}
	p.table(tableRows(names, counted, used))
	p.addBlank()
}

// countByTarget counts the results of each target by their section.
func countByTarget(d outcome.Run, strict bool) (names []string, counted map[string]*[sections]int, used [sections]bool) {
	counted = map[string]*[sections]int{}
	for _, r := range d.Results {
		s := sectionOf(r, strict)
		if r.Verdict == outcome.Stale {
			continue // that is of a waiver, whose target is a pattern
		}
		if counted[r.Target] == nil {
			counted[r.Target] = &[sections]int{}
			names = append(names, r.Target)
		}
		counted[r.Target][s]++
		used[s] = true
	}
	return names, counted, used
}

// columnWords heads the columns of the table, in order.
var columnWords = []struct {
	word     string
	sections []section
}{
	{"passed", []section{passed}},
	{"failed", []section{failed, failedShould}},
	{"should", []section{should}},
	{"may", []section{may}},
	{"info", []section{forInformation}},
	{"flaky", []section{flaky}},
	{"blocked", []section{blocked}},
	{"invalid", []section{invalid}},
	{"waived", []section{waived}},
	{"ongoing", []section{ongoing}},
	{"unsupported", []section{unsupported}},
}

func tableRows(names []string, counted map[string]*[sections]int, used [sections]bool) [][]string {
	rows := [][]string{{"target"}}
	for range names {
		rows = append(rows, nil)
	}
	for i, name := range names {
		rows[i+1] = []string{cleanLine(name)}
	}
	for _, c := range columnWords {
		if !slices.ContainsFunc(c.sections, func(s section) bool { return used[s] }) {
			continue
		}
		rows[0] = append(rows[0], c.word)
		for i, name := range names {
			n := 0
			for _, s := range c.sections {
				n += counted[name][s]
			}
			rows[i+1] = append(rows[i+1], countCell(n))
		}
	}
	return rows
}

func countCell(n int) string {
	if n == 0 {
		return "·"
	}
	return fmt.Sprint(n)
}
