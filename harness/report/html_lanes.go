package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// A pageLane is one conversation: to scale in a drawing, and event by event.
type pageLane struct {
	Caption string
	Label   string // the drawing in words
	From    string
	To      string
	Marks   []pageMark
	Rows    []pageRow
	Left    string
}

// A pageMark is a rectangle in the drawing, of 1000 by 60.
type pageMark struct {
	X, Y, W, H string
	Class      string
	Hint       string
}

type pageRow struct {
	Class   string
	At      string
	Who     string
	Text    string
	Gap     int // pixels before the row
	GapText string
	Differs bool
}

// pageLanes shows the conversation with the fault, and beside it the control.
func pageLanes(d outcome.Run, r outcome.Result) []pageLane {
	if len(r.Events) == 0 {
		return nil
	}
	caption := "With the fault"
	if r.Variant != "" {
		caption += ": " + cleanLine(r.Variant)
	}
	told := newTimeline(r.Events)
	failing := newLane(caption, r.Events, told)
	control := d.Controls[r.Target]
	if len(control) == 0 {
		return []pageLane{failing}
	}
	other := newTimeline(control)
	plain := newLane("Control: the same target without any fault", control, other)
	if hasConversation(r.Events) {
		i, j := firstDifference(told.moments, other.moments)
		failing.markRow(i)
		plain.markRow(j)
	}
	return []pageLane{failing, plain}
}

// hasConversation reports whether events tell of one: those of a scenario with code of its own,
// which talks to the server directly, have nothing to compare.
func hasConversation(events []event.Event) bool {
	return slices.ContainsFunc(events, func(e event.Event) bool { return e.Kind == event.Accept || e.Kind == event.Bytes })
}

func (l *pageLane) markRow(i int) {
	if 0 <= i && i < len(l.Rows) {
		l.Rows[i].Differs = true
	}
}

// firstDifference returns the rows from which two conversations differ in what people
// see, the faults themselves apart; -1 where they do not.
func firstDifference(x, y []timelineRow) (rowX, rowY int) {
	i, j := nextTold(x, 0), nextTold(y, 0)
	for i < len(x) && j < len(y) && sameMoment(x[i].event, y[j].event) {
		i, j = nextTold(x, i+1), nextTold(y, j+1)
	}
	if i >= len(x) && j >= len(y) {
		return -1, -1
	}
	return i, j
}

// nextTold skips what only a conversation with a fault has: that it struck.
func nextTold(rows []timelineRow, i int) int {
	for i < len(rows) && (rows[i].isFault() || rows[i].event.Kind == event.BoundaryRead) {
		i++
	}
	return i
}

// sameMoment compares without times and addresses.
func sameMoment(a, b event.Event) bool {
	return a.Kind == b.Kind && a.Direction == b.Direction && a.Side == b.Side && a.Offset == b.Offset && a.Bytes == b.Bytes && a.Toxic == b.Toxic
}

const maxRows = 120

func newLane(caption string, events []event.Event, t timeline) pageLane {
	lane := pageLane{Caption: caption, Label: fmt.Sprintf("%s: %s to scale", caption, plural.Count(len(events), "event"))}
	start, total := events[0].At, events[len(events)-1].At-events[0].At
	lane.From, lane.To = fmt.Sprintf("%.1f ms", toMillis(start)), fmt.Sprintf("%.1f ms", toMillis(start+total))
	for _, e := range events {
		if m, ok := newMark(e, start, total); ok {
			lane.Marks = append(lane.Marks, m)
		}
	}
	moments := t.moments
	if n := len(moments) - maxRows; n > 0 {
		moments = moments[:maxRows]
		lane.Left = fmt.Sprintf("%s left out", plural.Count(n, "event"))
	}
	before := start
	for _, m := range moments {
		lane.Rows = append(lane.Rows, newRow(t, m, m.event.At-before))
		before = max(m.event.At, m.until)
	}
	return lane
}

// newMark draws bytes as bars, upstream above the line and downstream below, as high as
// the logarithm of their number; faults and endings across both.
func newMark(e event.Event, start, total time.Duration) (pageMark, bool) {
	x := 0.0
	if total > 0 {
		x = 990 * float64(e.At-start) / float64(total)
	}
	at := fmt.Sprintf("%.1f ms: ", toMillis(e.At))
	hint := cleanLine(at + eventText(timelineRow{event: e, pieces: 1}))
	mark := pageMark{X: fmt.Sprintf("%.1f", x), W: "4", Hint: hint}
	switch e.Kind {
	case event.Bytes:
		h := min(26, 5+3*math.Log2(float64(max(e.Bytes, 1))))
		mark.H, mark.Y, mark.Class = fmt.Sprintf("%.0f", h), fmt.Sprintf("%.0f", 30-h), "up"
		if e.Direction == event.Downstream {
			mark.Y, mark.Class = "30", "down"
		}
	case event.Struck, event.Panic, event.Refuse:
		mark.H, mark.Y, mark.W, mark.Class = "60", "0", "7", "struck"
	case event.FIN, event.RST:
		mark.H, mark.Y, mark.Class = "14", "2", "end"
		if e.Direction == event.Downstream {
			mark.Y = "44"
		}
	default:
		return mark, false
	}
	return mark, true
}

// newRow places an event between client, proxy and server, behind a gap to scale.
func newRow(t timeline, m timelineRow, gap time.Duration) pageRow {
	_, text := t.formatRow(m)
	row := pageRow{At: fmt.Sprintf("%.1f ms", toMillis(m.event.At)), Who: sourceName(m), Text: cleanLine(t.rowPlace(m, " ") + text), Class: rowClass(m)}
	const perMilli, most = 2, 40
	row.Gap = min(most, int(perMilli*toMillis(max(gap, 0))))
	if row.Gap == most {
		row.GapText = fmt.Sprintf("%.0f ms pass", toMillis(gap))
	}
	return row
}

func rowClass(m timelineRow) string {
	e := m.event
	toServer := e.Direction == event.Upstream
	switch {
	case m.more != nil:
		return "mid"
	case m.isFault():
		return "mid struck"
	case e.Kind == event.FIN || e.Kind == event.RST:
		if toServer {
			return "full up end"
		}
		return "full down end"
	case e.Kind == event.Bytes && toServer:
		return "full up"
	case e.Kind == event.Bytes:
		return "full down"
	case e.Kind == event.Accept:
		return "left"
	case e.Kind == event.Dial:
		return "right"
	case e.Kind == event.BoundaryRead && toServer:
		return "right"
	}
	return "mid"
}
