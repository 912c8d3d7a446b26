package report

import (
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// A remarked is what one declaration of a target would decide.
type remarked struct {
	target, declare string
	first           string // what was seen, and where
	variants        int
}

// writeRemarks tells for each declaration that a target lacks what was seen, once.
func (p *textWriter) writeRemarks(results []outcome.Result) {
	all := foldRemarks(results)
	if len(all) == 0 {
		return
	}
	p.addBlank()
	p.addLine(span{bold, "remarks: undeclared behaviour, which does not make the run fail"})
	for _, r := range all {
		p.addText("  ", plain, cleanLines(r.target+": "+r.first)...)
		count := ""
		if r.variants > 1 {
			count = fmt.Sprintf(" (in %s)", plural.Count(r.variants, "variant"))
		}
		p.addText("    ", dim, cleanLines("to make it count, declare "+r.declare+count)...)
	}
}

// writeDeclarations tells, in the block of a failure, what would make it count.
func (p *textWriter) writeDeclarations(r outcome.Result) {
	for _, remark := range r.Remarks {
		p.addText("  ", dim, cleanLines("to make it count, declare "+remark.Declare)...)
	}
}

// foldRemarks returns one entry for each target and declaration, in order.
func foldRemarks(results []outcome.Result) []remarked {
	var all []remarked
	index := map[[2]string]int{}
	for _, r := range results {
		if r.Verdict == outcome.Fail {
			continue // its own block tells
		}
		for _, remark := range r.Remarks {
			key := [2]string{r.Target, remark.Declare}
			i, seen := index[key]
			if !seen {
				i = len(all)
				index[key] = i
				all = append(all, remarked{target: r.Target, declare: remark.Declare, first: remark.Text + seenIn(r)})
			}
			all[i].variants++
		}
	}
	return all
}

// seenIn names the variant in brackets.
func seenIn(r outcome.Result) string {
	if r.Variant == "" {
		return " [" + r.Scenario + "]"
	}
	return " [" + r.Scenario + " " + r.Variant + "]"
}
