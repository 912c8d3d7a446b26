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
func (p *page) block(d outcome.Document, g group, o Options) {
	r := g.example()
	st := yellow
	if g.red(o.Strict) {
		st = red
	}
	p.line(span{st, strings.ToUpper(string(r.Verdict))}, span{dim, " (" + levels(g) + ")"},
		span{bold, " " + g.subject()})
	p.variants(g)
	if len(g.scenarios) == 1 && !g.whole() {
		p.text("  ", dim, purpose(d, r)...)
	}
	p.message(g, r, o)
	p.text("  ", plain, facts(r)...)
	p.notes(r, o)
	p.timeline(g, r)
	if lines := tail(cleanLines(r.Stderr), mostStderr); len(lines) > 0 {
		p.line(span{dim, "  standard error:"})
		p.text("    | ", plain, lines...)
	}
	p.again(r)
}

// brief tells a group that turns nothing red; with Verbose in full.
func (p *page) brief(d outcome.Document, g group, o Options) {
	r := g.example()
	p.line(span{plain, "  " + g.subject()})
	indented := &page{color: p.color, width: max(0, p.width-2)}
	indented.variants(g)
	if o.Verbose && r.Verdict != outcome.Pass {
		indented.text("  ", dim, purpose(d, r)...)
	}
	indented.message(g, r, o)
	if o.Verbose {
		if r.Verdict != outcome.Unsupported {
			indented.text("  ", plain, facts(r)...)
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
	text := r.Scenario + " on " + r.Target
	if r.Check != "" {
		text += " (" + r.Check + ")"
	}
	return text
}

// whole reports whether the group is about no conversation: a waiver that is not
// true any more, a target that could not be played to.
func (g group) whole() bool {
	v := g.results[0].Verdict
	return v == outcome.Stale || v == outcome.Blocked
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

// variants tells which scenarios or variants.
func (p *page) variants(g group) {
	if len(g.scenarios) > 1 {
		p.text("  ", dim, elide(g.scenarios))
	} else if line := share(g); line != "" {
		p.text("  ", dim, line)
	}
}

// message tells what was wrong.
func (p *page) message(g group, r outcome.Result, o Options) {
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
	of, what := fmt.Sprintf("%d of %d", len(g.results), g.variants), "variants"
	if len(g.results) == g.variants {
		of = fmt.Sprintf("all of %d", g.variants)
	}
	if g.offsets {
		what = "offsets"
	}
	switch {
	case g.results[0].Whole() || g.results[0].Verdict == outcome.Stale:
		return ""
	case g.variants <= 1:
		return strings.Join(names, "")
	case len(names) == 0:
		return of + " runs"
	}
	return of + " " + what + ": " + variantList(names)
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
