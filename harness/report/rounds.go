package report

import (
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// writeRounds tells whether playing the same again came to the same.
func (p *textWriter) writeRounds(r *outcome.Rounds) {
	if r == nil {
		return
	}
	text := plural.Count(r.Played, "round")
	if r.Played < r.Asked {
		text = fmt.Sprintf("%d of %s", r.Played, plural.Count(r.Asked, "round"))
	}
	text += ", " + plural.Count(r.Variants, "variant") + ": "
	if len(r.Changed) == 0 {
		st := green
		if r.Played < r.Asked {
			st = yellow
		}
		p.addLine(span{st, text + "no verdict changed"})
		return
	}
	p.addLine(span{red, text + plural.Count(len(r.Changed), "verdict") + " changed"})
	for _, c := range r.Changed {
		p.addText("  ", plain, c.String())
	}
}
