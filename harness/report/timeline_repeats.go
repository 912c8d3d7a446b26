package report

import (
	"fmt"
	"strings"
)

const (
	// longTimeline is how many rows a timeline may have before what repeats is folded.
	longTimeline = 40
	// repeatedRows is how often the same must be in it for that.
	repeatedRows = 6
	// shownRepeats is how many of the first are shown; the last one is too.
	shownRepeats = 3
)

// foldRepeats replaces what a long timeline tells many times, as of a client that
// connects thousands of times, by the number of rows that are like those shown.
func foldRepeats(all []timelineRow) []timelineRow {
	if len(all) <= longTimeline {
		return all
	}
	total, seen := map[string]int{}, map[string]int{}
	for _, m := range all {
		total[m.likeness()]++
	}
	var out []timelineRow
	for _, m := range all {
		like := m.likeness()
		seen[like]++
		n := total[like]
		if n <= repeatedRows || seen[like] <= shownRepeats || seen[like] == n {
			out = append(out, m)
			continue
		}
		if last := len(out) - 1; out[last].more != nil && out[last].more.repeats > 0 {
			out[last].more.repeats++
		} else {
			out = append(out, timelineRow{event: m.event, more: &elision{repeats: 1}})
		}
	}
	return out
}

// likeness is the same for rows that tell the same of another connection.
func (m timelineRow) likeness() string {
	e := m.event
	return fmt.Sprint(e.Kind, e.Side, e.Direction, e.Toxic, e.Offset, e.Bytes, e.First, m.more != nil, maskDigits(e.Detail))
}

// maskDigits hides the numbers in a text: ports, mostly.
func maskDigits(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r >= '0' && r <= '9' }), "#")
}
