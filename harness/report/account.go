package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

// accountOf tells a result in plain text, complete by itself: for an issue, a colleague
// or a coding agent.
func accountOf(d outcome.Run, r outcome.Result) string {
	p := &textWriter{}
	p.addLine(span{plain, fmt.Sprintf("%s (%s): %s on %s", strings.ToUpper(string(r.Verdict)), r.Level, caseName(r), cleanLine(r.Target))})
	p.addText("", plain, scenarioPurpose(d, r)...)
	p.addLine(span{plain, ""})
	p.addText("", plain, headLines(cleanLines(r.Message), 100)...)
	p.addText("", plain, factLines(r)...)
	p.writeNotes(r, Options{Verbose: true})
	p.accountTimeline("what happened, with the fault:", r.Events)
	p.accountTimeline("the same conversation without any fault:", d.Controls[r.Target])
	if lines := cleanLines(r.Stderr); len(lines) > 0 {
		p.addLine(span{plain, ""}, span{plain, "standard error of the process under test:"})
		p.addText("  | ", plain, headLines(lines, 60)...)
	}
	if r.Replay != "" {
		p.addLine(span{plain, ""})
		p.addLine(span{plain, "to see it again: " + cleanLine(r.Replay)})
	}
	e := ""
	if d.Environment != nil {
		e = ", harness " + d.Environment.Version + ", " + d.Environment.OS
	}
	p.addLine(span{plain, fmt.Sprintf("seed %d%s", d.Seed, cleanLine(e))})
	return strings.TrimRight(p.buf.String(), "\n")
}

func (p *textWriter) accountTimeline(title string, events []event.Event) {
	if len(events) == 0 {
		return
	}
	p.addLine(span{plain, ""})
	p.addLine(span{plain, title})
	t := newTimeline(events)
	for _, m := range t.moments {
		lead, rest := t.formatRow(m)
		p.addLine(span{plain, lead + rest})
	}
}

// scenarioSource is a scenario file that does the same: the scenario's own, or for a
// built-in one the faults that struck. Empty where a file cannot say it.
func scenarioSource(d outcome.Run, r outcome.Result) string {
	if source := d.Scenarios[r.Scenario].Source; source != "" {
		return cleanText(source)
	}
	var faults []string
	for _, e := range r.Events {
		name, of := faultName(e.Toxic)
		if e.Kind != event.Struck || e.Conn == 0 || !slices.Contains(plainFaults(), name) || of != e.Direction.String() {
			continue
		}
		fault := fmt.Sprintf("  - {toxic: %s, direction: %s, at: {byte: %d}, connection: %d}\n", name, of, e.Offset, e.Conn)
		if !slices.Contains(faults, fault) {
			faults = append(faults, fault)
		}
	}
	if len(faults) == 0 {
		return ""
	}
	title := d.Scenarios[r.Scenario].Title
	if title == "" {
		title = r.Scenario
	}
	return fmt.Sprintf("scenario: found/%s\ntitle: %q\nrole: %s\nlevel: must\ntargets: [%q]\nfaults:\n%s", fileName(r), cleanLine(title), "both", cleanLine(r.Target), strings.Join(faults, ""))
}

// plainFaults are the toxics that a trigger alone describes.
func plainFaults() []string { return []string{"half_close", "reset", "vanish", "stall", "slice"} }

// faultName splits the name that a fault has on the wire: slice_upstream.
func faultName(name string) (toxic, direction string) {
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return name, ""
	}
	return name[:i], name[i+1:]
}

// fileName makes one word of a result's scenario and variant.
func fileName(r outcome.Result) string {
	return strings.Trim(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(r.Scenario+"-"+r.Variant)), "-")
}
