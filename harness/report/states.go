package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// maxStates is how many changes of one state are named.
const maxStates = 20

// CountStates counts in one line how a run differs from its baseline.
func CountStates(c outcome.Comparison) string {
	var parts []string
	for _, s := range outcome.AllStates() {
		if n := c.Counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, ", ")
}

// WriteDiff tells how a run differs from the baseline that it was compared with, what is
// red last. It returns the error of the writer.
func WriteDiff(w io.Writer, d outcome.Run, o Options) error {
	p := &textWriter{color: o.Color, width: o.Width}
	p.writeStates(d.Baseline, o)
	p.addLine(span{bold, CountStates(*d.Baseline)})
	_, err := w.Write(p.buf.Bytes())
	return err
}

// stateTitles say what each state means, in the order of the diff: what is red comes last.
var stateTitles = []struct {
	state outcome.State
	title string
	style style
}{
	{outcome.Vanished, "vanished: in the baseline and not in this run", yellow},
	{outcome.Resolved, "resolved: red in the baseline, green now", green},
	{outcome.Ongoing, "ongoing: red in both, not counted", yellow},
	{outcome.Regressed, "regressed: green in the baseline, red now", red},
	{outcome.New, "new: red, and not in the baseline", red},
}

func (p *textWriter) writeStates(c *outcome.Comparison, o Options) {
	for _, t := range stateTitles {
		if c.Counts[t.state] == 0 || o.Quiet && t.style != red {
			continue
		}
		p.addLine(span{t.style, t.title})
		lines := stateLines(*c, t.state)
		if !o.Verbose {
			lines = headLines(lines, maxStates)
		}
		p.addText("  ", plain, lines...)
	}
}

// stateLines names the changes of one state, the variants of one scenario in one line.
func stateLines(c outcome.Comparison, state outcome.State) []string {
	type key struct {
		spec, check string
		verdicts    string
	}
	var order []key
	variants := map[key][]string{}
	for _, change := range c.Changes {
		if change.State != state {
			continue
		}
		k := key{change.Scenario + " on " + change.Target, change.Check, verdictChange(change)}
		if _, known := variants[k]; !known {
			order = append(order, k)
		}
		variants[k] = append(variants[k], change.Variant)
	}
	var lines []string
	for _, k := range order {
		line := k.spec
		if k.check != "" {
			line += " (" + k.check + ")"
		}
		if names := variantList(variants[k]); names != "" {
			line += " [" + names + "]"
		}
		lines = append(lines, cleanLine(line+": "+k.verdicts))
	}
	return lines
}

func verdictChange(c outcome.StateChange) string {
	before, now := string(c.Before), string(c.Now)
	if before == "" {
		before = "not known"
	}
	if now == "" {
		now = "not run"
	}
	return before + " → " + now
}

// writeBaseline tells, beside the report of a run, what it was compared with.
func (p *textWriter) writeBaseline(c *outcome.Comparison, o Options) {
	if c == nil {
		return
	}
	p.addBlank()
	p.writeStates(c, o)
	name := c.Name
	if name == "" {
		name = "the baseline"
	}
	p.addLine(span{bold, fmt.Sprintf("compared with %s: %s", cleanLine(name), CountStates(*c))})
}

// WriteComparison writes what differs from a baseline as JSON.
func WriteComparison(w io.Writer, c outcome.Comparison) error {
	return writeIndented(w, c)
}
