package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/outcome"
)

// widest is the width of a matrix where the terminal says nothing.
const widest = 160

// Matrix writes what a zoo came to: a row for each program, a column for each
// scenario and check, then what is unexpected in full, and one line of summary.
// It returns the error of the writer.
func Matrix(w io.Writer, d outcome.Document, z Zoo, o Options) error {
	p := &page{color: o.Color, width: o.Width}
	if !o.Quiet {
		z.table(p)
		p.blank()
	}
	z.tellSurprises(p, d, o)
	p.problems(d)
	p.rounds(d.Rounds)
	st := green
	if z.ExitCode(d) != outcome.ExitOK {
		st = red
	}
	p.line(span{st, z.summary(d)})
	_, err := w.Write(p.buf.Bytes())
	return err
}

// A columnGroup is the columns of one topic, each one character wide.
type columnGroup struct {
	topic   string
	columns []string
	width   int
}

// topicOf is the heading of a column.
func topicOf(column string) string {
	if strings.HasPrefix(column, outcome.ByCheck) {
		return "checks"
	}
	return topic(column)
}

func (z Zoo) groups(room int) []columnGroup {
	var groups []columnGroup
	total := 0
	for _, column := range z.columns {
		name := clean(topicOf(column))
		if n := len(groups); n == 0 || groups[n-1].topic != name {
			groups = append(groups, columnGroup{topic: name})
		}
		g := &groups[len(groups)-1]
		g.columns = append(g.columns, column)
	}
	for i := range groups {
		groups[i].width = max(len(groups[i].columns), utf8.RuneCountInString(groups[i].topic))
		total += groups[i].width + 1
	}
	for i := range groups {
		if total > room {
			groups[i].width = len(groups[i].columns)
		}
	}
	return groups
}

// columnID names a column within its group by one character.
func columnID(i int) string {
	const digits = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if i < len(digits) {
		return digits[i : i+1]
	}
	return "+"
}

func (z Zoo) table(p *page) {
	names := 0
	for _, program := range z.programs {
		names = max(names, utf8.RuneCountInString(clean(program.Name)))
	}
	room := widest
	if p.width > 0 {
		room = max(p.width, 80)
	}
	groups := z.groups(room - names - 1)
	top, below := []span{{plain, pad("", names)}}, []span{{plain, pad("", names)}}
	for _, g := range groups {
		top = append(top, span{bold, " " + pad(fit(g.topic, g.width), g.width)})
		ids := ""
		for i := range g.columns {
			ids += columnID(i)
		}
		below = append(below, span{dim, " " + pad(ids, g.width)})
	}
	p.line(trimmed(top)...)
	p.line(trimmed(below)...)
	for _, program := range z.programs {
		p.line(trimmed(z.row(program, groups, names))...)
	}
	p.blank()
	z.legend(p, groups)
}

func (z Zoo) row(program Program, groups []columnGroup, names int) []span {
	spans := []span{{plain, pad(clean(program.Name), names)}}
	for _, g := range groups {
		spans = append(spans, span{plain, " "})
		for _, column := range g.columns {
			m := z.at(cell{program.Name, column})
			spans = append(spans, span{colors[m], string(m)})
		}
		spans = append(spans, span{plain, pad("", g.width-len(g.columns))})
	}
	return spans
}

var colors = map[mark]style{passes: dim, notSupported: dim, failsAsPlanted: green, missed: red, falseAlarm: red, isInvalid: red, isFlaky: yellow, isBlocked: yellow}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// trimmed drops the spaces at the end of a line.
func trimmed(spans []span) []span {
	for len(spans) > 0 {
		last := &spans[len(spans)-1]
		if last.text = strings.TrimRight(last.text, " "); last.text != "" {
			break
		}
		spans = spans[:len(spans)-1]
	}
	return spans
}

// legend tells which scenario a column is and what the marks mean.
func (z Zoo) legend(p *page, groups []columnGroup) {
	width := 0
	for _, g := range groups {
		width = max(width, utf8.RuneCountInString(g.topic))
	}
	for _, g := range groups {
		var words []string
		for i, column := range g.columns {
			name := strings.TrimPrefix(strings.TrimPrefix(column, outcome.ByCheck), g.topic+"/")
			words = append(words, columnID(i)+" "+clean(name))
		}
		p.hanging("", pad(g.topic, width)+"  ", dim, strings.Join(words, "  "), 0)
	}
	p.text("", dim, "· pass  - unsupported  P fails where it is planted  F fails elsewhere too  i fails at a level that does not count"+
		"  M planted and missed  ! false alarm  f flaky  b blocked  ? invalid")
}

// tellSurprises tells in full what should not be.
func (z Zoo) tellSurprises(p *page, d outcome.Document, o Options) {
	for _, g := range fold(d.Results, o.Strict) {
		if z.program(g.results[0].Target).mark(g.results[0], o.Strict).surprising() {
			p.block(d, g, o)
			p.blank()
		}
	}
	for _, name := range z.Untested {
		p.line(span{red, "NOT TESTED"}, span{bold, " " + name}, span{plain, ": nothing passed"})
	}
	for _, program := range z.Missed {
		p.line(span{red, "MISSED"}, span{bold, " " + program.Name}, span{plain, ": " + program.Planted + " " + z.insteadOf(d, program)})
	}
}

// insteadOf says what came of the scenario that a missed bug was planted for.
func (z Zoo) insteadOf(d outcome.Document, p Program) string {
	counts := map[outcome.Verdict]int{}
	for _, r := range d.Results {
		if r.Target == p.Name && r.At(p.Planted) {
			counts[r.Verdict]++
		}
	}
	var parts []string
	for _, v := range outcome.Verdicts() {
		if counts[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d× %s", counts[v], v))
		}
	}
	switch {
	case len(parts) > 0:
		return "came to " + strings.Join(parts, ", ")
	case strings.HasPrefix(p.Planted, outcome.ByCheck):
		return "found nothing"
	}
	return "was not played"
}

func (z Zoo) summary(d outcome.Document) string {
	text := fmt.Sprintf("%d of %s found, %s, %d flaky, %d invalid", z.Found, plural(z.Planted, "planted bug"),
		plural(z.count(falseAlarm), "false alarm"), z.count(isFlaky), z.count(isInvalid))
	if n := z.count(isBlocked); n > 0 {
		text += fmt.Sprintf(", %d blocked", n)
	}
	if n := len(z.Untested); n > 0 {
		text += ", " + plural(n, "program") + " not tested"
	}
	if n := len(d.Problems); n > 0 {
		text += ", " + plural(n, "problem") + " of the harness"
	}
	if d.Stopped != "" {
		text = "stopped (" + clean(d.Stopped) + "), not complete: " + text
	}
	return fmt.Sprintf("%s in %.1f s (seed %d)", text, d.Elapsed.Duration().Seconds(), d.Seed)
}
