package report

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

const (
	mostMessage = 30 // lines of a message, without Verbose
	mostNotes   = 10 // notes of a result, without Verbose
	mostStderr  = 10 // last lines of the process under test
)

// block tells a group in full.
func (p *page) block(g group, o Options) {
	r := g.example()
	st := yellow
	if g.red(o.Strict) {
		st = red
	}
	p.line(span{st, strings.ToUpper(string(r.Verdict))}, span{dim, " (" + levels(g) + ")"},
		span{bold, " " + g.subject()})
	p.about(g, r, o)
	if line := endings(r.Ending); line != "" {
		p.text("  ", plain, line)
	}
	p.notes(r, o)
	p.timeline(g, r)
	if lines := tail(cleanLines(r.Stderr), mostStderr); len(lines) > 0 {
		p.line(span{dim, "  standard error:"})
		p.text("    | ", plain, lines...)
	}
	p.again(r)
}

// brief tells a group that turns nothing red; with Verbose in full.
func (p *page) brief(g group, o Options) {
	r := g.example()
	p.line(span{plain, "  " + g.subject()})
	indented := &page{color: p.color, width: max(0, p.width-2)}
	indented.about(g, r, o)
	if o.Verbose {
		if line := endings(r.Ending); line != "" && r.Verdict != outcome.Unsupported {
			indented.text("  ", plain, line)
		}
		indented.notes(r, o)
		indented.timeline(g, r)
	}
	if r.Verdict == outcome.Fail || o.Verbose && r.Verdict != outcome.Pass {
		indented.again(r)
	}
	for _, line := range strings.SplitAfter(indented.buf.String(), "\n") {
		if line != "" {
			p.buf.WriteString("  " + line)
		}
	}
}

// subject names what the group is about.
func (g group) subject() string {
	r := g.results[0]
	if len(g.scenarios) > 1 {
		return fmt.Sprintf("%d scenarios on %s", len(g.scenarios), r.Target)
	}
	return r.Scenario + " on " + r.Target
}

func levels(g group) string {
	var words []string
	seen := map[outcome.Level]bool{}
	for _, r := range g.results {
		if !seen[r.Level] {
			seen[r.Level] = true
			words = append(words, string(r.Level))
		}
	}
	return strings.Join(words, ", ")
}

// about tells which variants, and why.
func (p *page) about(g group, r outcome.Result, o Options) {
	if len(g.scenarios) > 1 {
		p.text("  ", dim, elide(g.scenarios))
	} else if line := share(g); line != "" {
		p.text("  ", dim, line)
	}
	if r.Verdict == outcome.Pass {
		return
	}
	lines := cleanLines(r.Message)
	if !o.Verbose {
		lines = head(lines, mostMessage)
	}
	p.text("  ", plain, lines...)
	if n := alike(g, r); n > 0 && len(g.scenarios) == 1 {
		p.text("  ", dim, fmt.Sprintf("(so says %s; the others differ in numbers or bytes)", orOne(r.Variant)))
	}
}

// share tells how many of the scenario's variants the group is, and which.
func share(g group) string {
	var names []string
	for _, r := range g.results {
		if r.Variant != "" {
			names = append(names, r.Variant)
		}
	}
	switch {
	case g.variants == 1:
		return strings.Join(names, "")
	case len(g.results) == g.variants && len(names) == 0:
		return fmt.Sprintf("all of %d runs", g.variants)
	case len(g.results) == g.variants:
		return fmt.Sprintf("all of %d variants: %s", g.variants, variantList(names))
	case len(names) == 0:
		return fmt.Sprintf("%d of %d runs", len(g.results), g.variants)
	}
	return fmt.Sprintf("%d of %d variants: %s", len(g.results), g.variants, variantList(names))
}

// alike counts the results whose message is of the same class, but not the same.
func alike(g group, example outcome.Result) int {
	n := 0
	for _, r := range g.results {
		if r.Message != example.Message {
			n++
		}
	}
	return n
}

func orOne(variant string) string {
	if variant == "" {
		return "one of them"
	}
	return variant
}

// endings tells how the conversation ended as each side saw it, or nothing
// where neither side has seen an end.
func endings(e outcome.Endings) string {
	if e.Client == event.Open && e.Server == event.Open {
		return ""
	}
	return fmt.Sprintf("client: %s · server: %s", ending(e.Client), ending(e.Server))
}

func ending(e event.Ending) string {
	if e == event.Open {
		return "open"
	}
	return string(e)
}

func (p *page) notes(r outcome.Result, o Options) {
	notes := r.Notes
	if !o.Verbose && len(notes) > mostNotes {
		notes = append(notes[:mostNotes:mostNotes], fmt.Sprintf("… (%d more notes)", len(notes)-mostNotes))
	}
	for _, note := range notes {
		for i, line := range cleanLines(note) {
			if i == 0 {
				line = "note: " + line
			}
			p.text("  ", dim, line)
		}
	}
}

func (p *page) timeline(g group, r outcome.Result) {
	if len(r.Events) == 0 {
		return
	}
	title := "  timeline"
	if len(g.results) > 1 {
		title += " of " + strings.TrimSpace(r.Scenario+" "+r.Variant)
	}
	p.line(span{dim, title + ":"})
	t := newTimeline(r.Events)
	for _, m := range t.moments {
		st := plain
		if m.fault() {
			st = cyan
		}
		lead, rest := t.line(m)
		p.hanging("  ", lead, st, rest, 0)
	}
}

// again adds the line that replays the result. It is not wrapped: it is there
// to be copied.
func (p *page) again(r outcome.Result) {
	if r.Replay != "" {
		p.line(span{dim, "  again: "}, span{plain, r.Replay})
	}
}
