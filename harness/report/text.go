package report

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// Options says how [Text] tells a document. The zero value tells what a person
// needs, in plain text.
type Options struct {
	Verbose bool // passes, every unsupported scenario and every timeline too
	Quiet   bool // only what turns the run red, and the summary
	Strict  bool // failures of level should turn the run red
	Color   bool // SGR escapes; without, the output has no control character but \n
	Width   int  // columns of the terminal; 0: long lines are not wrapped
}

// Text writes the report of a run for people. What turns the run red comes
// last, failures of level must at the very end, before one line of summary. It
// returns the error of the writer.
func Text(w io.Writer, d outcome.Document, o Options) error {
	p := &page{color: o.Color, width: o.Width}
	groups := fold(d.Results, o.Strict)
	for s := range sections {
		var these []group
		for _, g := range groups {
			if g.section == s && (!o.Quiet || g.red(o.Strict)) {
				these = append(these, g)
			}
		}
		if len(these) > 0 {
			p.section(d, s, these, o)
		}
	}
	if len(d.Problems) > 0 {
		p.blank()
	}
	p.problems(d)
	if !o.Quiet {
		p.blank()
	}
	p.rounds(d.Rounds)
	p.summary(d, o.Strict)
	_, err := w.Write(p.buf.Bytes())
	return err
}

func (p *page) problems(d outcome.Document) {
	for _, problem := range d.Problems {
		p.line(span{red, "HARNESS"}, span{plain, " " + firstLine(problem)})
		if rest := cleanLines(problem); len(rest) > 1 {
			p.text("  ", plain, rest[1:]...)
		}
	}
}

func (g group) red(strict bool) bool {
	if g.section == invalid {
		return true
	}
	for _, r := range g.results {
		if r.Red(strict) {
			return true
		}
	}
	return false
}

func (p *page) section(d outcome.Document, s section, groups []group, o Options) {
	switch {
	case s == passed && !o.Verbose:
		return
	case s == unsupported && !o.Verbose:
		p.blank()
		p.unsupported(groups)
		return
	}
	if title := titles[s]; title != "" {
		p.blank()
		p.line(span{bold, title})
	}
	for _, g := range groups {
		if titles[s] == "" {
			p.blank()
			p.block(d, g, o)
			continue
		}
		p.brief(d, g, o)
	}
}

// titles of the sections that turn nothing red.
var titles = map[section]string{
	passed:         "passed:",
	unsupported:    "unsupported: cannot be done to this target or on this machine",
	waived:         "waived: fails, and a waiver says so",
	forInformation: "level info: legitimate designs, for information",
	may:            "level may: reported, never red",
	should:         "level should: red with --strict only",
}

// unsupported counts the reasons in one line.
func (p *page) unsupported(groups []group) {
	counts := map[string]int{}
	total := 0
	for _, g := range groups {
		for _, r := range g.results {
			counts[strings.TrimPrefix(firstLine(r.Message), "unsupported: ")]++
			total++
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
	p.text("", dim, fmt.Sprintf("unsupported: %d (%s)", total, elideBy(reasons, "; ")))
}
