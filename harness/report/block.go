package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/stacktrace"
)

const (
	mostMessage = 30 // lines of a message, without Verbose
	mostNotes   = 10 // notes of a result, without Verbose
	mostStderr  = 12 // lines of the standard error of the process under test
)

// fullBlock tells a group in full.
func (p *textWriter) fullBlock(d outcome.Run, g group, o Options) {
	r := g.exampleResult()
	st := yellow
	if g.turnsRed(o.Strict) {
		st = red
	}
	p.addLine(span{st, strings.ToUpper(string(r.Verdict))}, span{dim, " (" + levelNames(g) + ")"},
		span{bold, " " + g.subjectName()})
	p.writeVariants(g)
	if len(g.scenarios) == 1 && !g.isScenarioWide() {
		p.addText("  ", dim, scenarioPurpose(d, r)...)
	}
	p.writeMessage(g, r, o)
	p.addText("  ", plain, factLines(r)...)
	p.writeNotes(r, o)
	p.writeTimeline(g, r)
	p.stderr(r, o)
	p.agreement(g)
	p.replayLine(r)
}

// shortBlock tells a group that turns nothing red; with Verbose in full.
func (p *textWriter) shortBlock(d outcome.Run, g group, o Options) {
	r := g.exampleResult()
	p.addLine(span{plain, "  " + g.subjectName()})
	indented := &textWriter{color: p.color, width: max(0, p.width-2)}
	indented.writeVariants(g)
	if o.Verbose && r.Verdict != outcome.Pass {
		indented.addText("  ", dim, scenarioPurpose(d, r)...)
	}
	indented.writeMessage(g, r, o)
	indented.writeDeclarations(r)
	if o.Verbose {
		if r.Verdict != outcome.Unsupported {
			indented.addText("  ", plain, factLines(r)...)
		}
		indented.writeNotes(r, o)
		indented.writeTimeline(g, r)
	}
	indented.agreement(g)
	if r.Verdict == outcome.Fail || o.Verbose && r.Verdict != outcome.Pass {
		indented.replayLine(r)
	}
	for _, line := range strings.SplitAfter(indented.buf.String(), "\n") {
		if line != "" {
			p.buf.WriteString("  " + line)
		}
	}
}

// stderr tells what the process under test wrote: the first and the last lines, and
// those that name an error. With Verbose it is all that was kept.
func (p *textWriter) stderr(r outcome.Result, o Options) {
	lines := cleanLines(r.Stderr)
	if len(lines) == 0 {
		return
	}
	limit := mostStderr
	if o.Verbose {
		limit = len(lines)
	}
	p.addLine(span{dim, "  standard error:"})
	last := -1
	for _, i := range stacktrace.Select(lines, limit) {
		if i > last+1 {
			p.addText("    | ", dim, fmt.Sprintf("… (%s)", plural.Count(i-last-1, "line")))
		}
		p.addText("    | ", plain, lines[i])
		last = i
	}
}

// subjectName names what the group is about.
func (g group) subjectName() string {
	r := g.results[0]
	if len(g.scenarios) > 1 {
		return fmt.Sprintf("%s on %s", plural.Count(len(g.scenarios), "scenario"), r.Target)
	}
	text := r.Scenario + " on " + r.Target
	if r.Check != "" {
		text += " (" + r.Check + ")"
	}
	return text
}

// isScenarioWide reports whether the group is about no conversation: a waiver that is not
// true any more, a target that could not be played to.
func (g group) isScenarioWide() bool {
	v := g.results[0].Verdict
	return v == outcome.Stale || v == outcome.Blocked
}

func levelNames(g group) string {
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

// writeVariants tells which scenarios or variants.
func (p *textWriter) writeVariants(g group) {
	if len(g.scenarios) > 1 {
		p.addText("  ", dim, elideWords(g.scenarios))
	} else if line := variantShare(g); line != "" {
		p.addText("  ", dim, line)
	}
}

// writeMessage tells what was wrong.
func (p *textWriter) writeMessage(g group, r outcome.Result, o Options) {
	if r.Verdict == outcome.Pass {
		return
	}
	lines := cleanLines(r.Message)
	if !o.Verbose {
		lines = headLines(lines, mostMessage)
	}
	p.addText("  ", plain, lines...)
	if n := countAlike(g, r); n > 0 && len(g.scenarios) == 1 {
		p.addText("  ", dim, fmt.Sprintf("(this is %s; the messages of the other variants differ only in numbers or bytes)", orOne(r.Variant)))
	}
}

// variantShare tells how many of the scenario's variants the group is, and which.
func variantShare(g group) string {
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
	case g.results[0].IsScenarioWide() || g.results[0].Verdict == outcome.Stale:
		return ""
	case g.variants <= 1:
		if len(names) > 0 {
			return "variant " + names[0]
		}
		return ""
	case len(names) == 0:
		return of + " runs"
	}
	return of + " " + what + ": " + variantList(names)
}

// countAlike counts the results whose message is of the same class, but not the same.
func countAlike(g group, example outcome.Result) int {
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

// formatEndings tells how each side has ended its stream, or nothing where neither has.
func formatEndings(e outcome.Endings) string {
	if e.Client == event.Open && e.Server == event.Open {
		return ""
	}
	return fmt.Sprintf("client sent %s · server sent %s", sentEnding(e.Client), sentEnding(e.Server))
}

// sentEnding names what a side has sent to end its stream.
func sentEnding(e event.Ending) string {
	if e == event.Open {
		return "no FIN or RST"
	}
	return segmentName(e)
}

func (p *textWriter) writeNotes(r outcome.Result, o Options) {
	notes := r.Notes
	if !o.Verbose && len(notes) > mostNotes {
		notes = append(notes[:mostNotes:mostNotes], fmt.Sprintf("… (%s)", plural.Count(len(notes)-mostNotes, "more note")))
	}
	for _, note := range notes {
		for i, line := range cleanLines(note) {
			if i == 0 {
				line = "note: " + line
			}
			p.addText("  ", dim, line)
		}
	}
}

func (p *textWriter) writeTimeline(g group, r outcome.Result) {
	if len(r.Events) == 0 {
		return
	}
	title := "  timeline"
	if len(g.results) > 1 {
		title += " of " + strings.TrimSpace(r.Scenario+" "+r.Variant)
	}
	t := newTimeline(r.Events)
	if slices.ContainsFunc(t.moments, timelineRow.isFault) {
		title += " (>>> marks the fault)"
	}
	p.addLine(span{dim, title + ":"})
	for _, m := range t.moments {
		st := plain
		if m.isFault() {
			st = cyan
		}
		lead, rest := t.formatRow(m)
		p.addHanging("  ", lead, st, rest, 0)
	}
}

// replayLine adds the line that replays the result. It is not wrapped: it is there
// to be copied.
func (p *textWriter) replayLine(r outcome.Result) {
	if r.Replay != "" {
		p.addLine(span{dim, "  replay: "}, span{plain, r.Replay})
	}
	for _, file := range r.Captures {
		p.addLine(span{dim, "  pcapng: "}, span{plain, file})
	}
}
