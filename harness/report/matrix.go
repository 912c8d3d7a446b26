package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// widest is the width of a matrix where the terminal says nothing.
const widest = 160

// WriteMatrix writes what a zoo came to: a row for each program, a column for each
// scenario and check, then what is unexpected in full, and one line of summary.
// It returns the error of the writer.
func WriteMatrix(w io.Writer, d outcome.Run, z Zoo, o Options) error {
	p := &textWriter{color: o.Color, width: o.Width}
	if !o.Quiet {
		z.writeTable(p)
		p.addBlank()
	}
	z.tellSurprises(p, d, o)
	p.writeProblems(d)
	p.writeRounds(d.Rounds)
	st := green
	if z.ExitCode(d) != outcome.ExitOK {
		st = red
	}
	p.addLine(span{st, z.summaryLine(d)})
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
	return topicFolder(column)
}

func (z Zoo) columnGroups(room int) []columnGroup {
	var groups []columnGroup
	total := 0
	for _, column := range z.columns {
		name := cleanLine(topicOf(column))
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

func (z Zoo) writeTable(p *textWriter) {
	names := 0
	for _, program := range z.programs {
		names = max(names, utf8.RuneCountInString(cleanLine(program.Name)))
	}
	room := widest
	if p.width > 0 {
		room = max(p.width, 80)
	}
	groups := z.columnGroups(room - names - 1)
	top, below := []span{{plain, padRight("", names)}}, []span{{plain, padRight("", names)}}
	for _, g := range groups {
		top = append(top, span{bold, " " + padRight(fitWidth(g.topic, g.width), g.width)})
		ids := ""
		for i := range g.columns {
			ids += columnID(i)
		}
		below = append(below, span{dim, " " + padRight(ids, g.width)})
	}
	p.addLine(trimSpans(top)...)
	p.addLine(trimSpans(below)...)
	for _, program := range z.programs {
		p.addLine(trimSpans(z.formatRow(program, groups, names))...)
	}
	p.addBlank()
	z.writeLegend(p, groups)
}

func (z Zoo) formatRow(program Program, groups []columnGroup, names int) []span {
	spans := []span{{plain, padRight(cleanLine(program.Name), names)}}
	for _, g := range groups {
		spans = append(spans, span{plain, " "})
		for _, column := range g.columns {
			m := z.markAt(cell{program.Name, column})
			spans = append(spans, span{colors[m], string(m)})
		}
		spans = append(spans, span{plain, padRight("", g.width-len(g.columns))})
	}
	return spans
}

var colors = map[cellMark]style{passes: dim, notSupported: dim, failsAsPlanted: green, missed: red, falseAlarm: red, isInvalid: red, isFlaky: yellow, isBlocked: yellow}

func padRight(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// trimSpans drops the spaces at the end of a line.
func trimSpans(spans []span) []span {
	for len(spans) > 0 {
		last := &spans[len(spans)-1]
		if last.text = strings.TrimRight(last.text, " "); last.text != "" {
			break
		}
		spans = spans[:len(spans)-1]
	}
	return spans
}

// writeLegend tells which scenario a column is and what the marks mean.
func (z Zoo) writeLegend(p *textWriter, groups []columnGroup) {
	width := 0
	for _, g := range groups {
		width = max(width, utf8.RuneCountInString(g.topic))
	}
	for _, g := range groups {
		var words []string
		for i, column := range g.columns {
			name := strings.TrimPrefix(strings.TrimPrefix(column, outcome.ByCheck), g.topic+"/")
			words = append(words, columnID(i)+" "+cleanLine(name))
		}
		p.addHanging("", padRight(g.topic, width)+"  ", dim, strings.Join(words, "  "), 0)
	}
	p.addText("", dim, "· pass  - unsupported  P fails where its bug is planted  F fails elsewhere too  i fails at a level that does not count"+
		"  M planted and missed  ! false alarm  f flaky  b blocked  ? invalid")
}

// tellSurprises tells in full what should not be.
func (z Zoo) tellSurprises(p *textWriter, d outcome.Run, o Options) {
	for _, g := range groupResults(d.Results, o.Strict, true) {
		if z.programNamed(g.results[0].Target).markOf(g.results[0], o.Strict).isUnexpected() {
			p.fullBlock(d, g, o)
			p.addBlank()
		}
	}
	for _, name := range z.Untested {
		p.addLine(span{red, "NOT TESTED"}, span{bold, " " + name}, span{plain, ": nothing passed"})
	}
	for _, program := range z.Missed {
		p.addLine(span{red, "MISSED"}, span{bold, " " + program.Name}, span{plain, ": " + program.Planted + " " + z.insteadOf(d, program)})
	}
}

// insteadOf says what came of the scenario that a missed bug was planted for.
func (z Zoo) insteadOf(d outcome.Run, p Program) string {
	counts := map[outcome.Verdict]int{}
	for _, r := range d.Results {
		if r.Target == p.Name && r.ConcernsPlanted(p.Planted) {
			counts[r.Verdict]++
		}
	}
	var parts []string
	for _, v := range outcome.AllVerdicts() {
		if counts[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d× %s", counts[v], v))
		}
	}
	switch {
	case len(parts) > 0:
		return "gave " + strings.Join(parts, ", ")
	case strings.HasPrefix(p.Planted, outcome.ByCheck):
		return "found nothing"
	}
	return "did not run"
}

func (z Zoo) summaryLine(d outcome.Run) string {
	text := fmt.Sprintf("%d of %s found, %s, %d flaky, %d invalid", z.Found, plural.Count(z.Planted, "planted bug"),
		plural.Count(z.countMark(falseAlarm), "false alarm"), z.countMark(isFlaky), z.countMark(isInvalid))
	if n := z.countMark(isBlocked); n > 0 {
		text += fmt.Sprintf(", %d blocked", n)
	}
	if n := len(z.Untested); n > 0 {
		text += ", " + plural.Count(n, "program") + " not tested"
	}
	if n := len(d.Problems); n > 0 {
		text += ", " + plural.Count(n, "problem") + " of the harness"
	}
	if d.Stopped != "" {
		text = "stopped (" + cleanLine(d.Stopped) + "), not complete: " + text
	}
	return fmt.Sprintf("%s in %.1f s (seed %d)", text, d.Elapsed.ToDuration().Seconds(), d.Seed)
}
