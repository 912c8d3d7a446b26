package report

import (
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
)

// rounds tells whether playing the same again came to the same.
func (p *page) rounds(r *outcome.Rounds) {
	if r == nil {
		return
	}
	text := plural(r.Played, "round")
	if r.Played < r.Asked {
		text = fmt.Sprintf("%d of %s", r.Played, plural(r.Asked, "round"))
	}
	text += ", " + plural(r.Variants, "variant") + ": "
	if len(r.Changed) == 0 {
		st := green
		if r.Played < r.Asked {
			st = yellow
		}
		p.line(span{st, text + "not one verdict changed"})
		return
	}
	p.line(span{red, text + plural(len(r.Changed), "verdict") + " changed"})
	for _, c := range r.Changed {
		p.text("  ", plain, c.String())
	}
}
