package report

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// Options says how [WriteText] tells a document. The zero value tells what a person
// needs, in plain text.
type Options struct {
	Verbose bool // passes, every unsupported scenario, every timeline, and what one cause explains each by itself
	Quiet   bool // only what turns the run red, and the summary
	Strict  bool // failures of level should turn the run red
	Color   bool // SGR escapes; without, the output has no control character but \n
	Width   int  // columns of the terminal; 0: long lines are not wrapped
}

// WriteText writes the report of a run for people. What turns the run red comes
// last, failures of level must at the very end, before one line of summary. It
// returns the error of the writer.
func WriteText(w io.Writer, d outcome.Run, o Options) error {
	p := &textWriter{color: o.Color, width: o.Width}
	groups := groupResults(d.Results, o.Strict, o.Verbose)
	for s := range sections {
		if s == flaky && !o.Quiet {
			p.writeRecorded(d.Recorded)
			p.writeRemarks(d.Results)
		}
		var these []group
		for _, g := range groups {
			if g.section == s && (!o.Quiet || g.turnsRed(o.Strict)) {
				these = append(these, g)
			}
		}
		if len(these) > 0 {
			p.writeSection(d, s, these, o)
		}
	}
	if len(d.Problems) > 0 {
		p.addBlank()
	}
	p.writeProblems(d)
	if !o.Quiet {
		p.addBlank()
	}
	p.writeRounds(d.Rounds)
	if !o.Quiet {
		p.targetTable(d, o.Strict)
		p.nextSteps(groups, o.Strict)
		if len(groups) > 0 && d.ExitCode(o.Strict) != outcome.ExitOK {
			p.addBlank()
		}
	}
	p.writeBaseline(d.Baseline, o)
	p.writeSummary(d, o.Strict)
	_, err := w.Write(p.buf.Bytes())
	return err
}

func (p *textWriter) writeProblems(d outcome.Run) {
	for _, problem := range d.Problems {
		p.addLine(span{red, "HARNESS"}, span{plain, " " + cleanFirst(problem)})
		if rest := cleanLines(problem); len(rest) > 1 {
			p.addText("  ", plain, rest[1:]...)
		}
	}
}

func (g group) turnsRed(strict bool) bool {
	if g.section == invalid {
		return true
	}
	for _, r := range g.results {
		if r.TurnsRed(strict) {
			return true
		}
	}
	return false
}

func (p *textWriter) writeSection(d outcome.Run, s section, groups []group, o Options) {
	switch {
	case s == passed && !o.Verbose:
		return
	case s == unsupported && !o.Verbose:
		p.addBlank()
		p.writeUnsupported(groups)
		return
	}
	if title := titles[s]; title != "" {
		p.addBlank()
		p.addLine(span{bold, title})
	}
	for _, g := range groups {
		if titles[s] == "" {
			p.addBlank()
			p.fullBlock(d, g, o)
			continue
		}
		p.shortBlock(d, g, o)
	}
}

// titles of the sections that turn nothing red.
var titles = map[section]string{
	passed:         "passed:",
	unsupported:    "unsupported: not possible with this target or on this machine",
	waived:         "waived: failures named in the waiver file",
	ongoing:        "ongoing: fails, and the baseline fails too",
	forInformation: "level info: legitimate designs, for information",
	may:            "level may: reported, never makes the run fail",
	should:         "level should: makes the run fail with --strict only",
}

// undeclared is in the reason of a scenario that needs a policy of its target.
const undeclared = "does not declare"

// writeUnsupported counts the reasons in one line, and in a second one what a policy would run.
func (p *textWriter) writeUnsupported(groups []group) {
	counts := map[string]int{}
	total, needs := 0, 0
	for _, g := range groups {
		for _, r := range g.results {
			counts[strings.TrimPrefix(cleanFirst(r.Message), "unsupported: ")]++
			total++
			if strings.Contains(r.Message, undeclared) {
				needs++
			}
		}
	}
	reasons := make([]string, 0, len(counts))
	for reason := range counts {
		reasons = append(reasons, reason)
	}
	sort.Slice(reasons, func(i, j int) bool {
		a, b := reasons[i], reasons[j]
		return counts[a] > counts[b] || counts[a] == counts[b] && a < b
	})
	for i, reason := range reasons {
		if reason == "" {
			reason = "no reason given"
		}
		reasons[i] = fmt.Sprintf("%d× %s", counts[reasons[i]], reason)
	}
	p.addText("", dim, fmt.Sprintf("unsupported: %d (%s)", total, elideBy(reasons, "; ")))
	if needs > 0 {
		p.addText("", dim, fmt.Sprintf("a policy of the target is missing for %d of them; harness run --infer proposes policies", needs))
	}
}
