package report

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// A timelineRow is a line of a timeline.
type timelineRow struct {
	event  event.Event // the first of those folded
	pieces int         // how many events are folded into it
	until  time.Duration
	more   *elision
}

// An elision stands for moments of traffic that are not told one by one.
type elision struct {
	moments  int
	up, down int64
	repeats  int // rows like those shown; 0: it stands for traffic
}

func (m timelineRow) isFault() bool {
	switch m.event.Kind {
	case event.Struck, event.Panic, event.CannotStrike, event.Leaked, event.Refuse:
		return true
	}
	return false
}

func (m timelineRow) isTraffic() bool {
	return m.event.Kind == event.Bytes || m.event.Kind == event.BoundaryRead
}

// foldEvents folds events: successive pieces of one direction into one moment,
// and of a long run of traffic all but its beginning and end.
func foldEvents(events []event.Event) []timelineRow {
	var out []timelineRow
	for _, e := range events {
		if n := len(out); n > 0 && continuesRow(out[n-1], e) {
			out[n-1].event.Bytes += e.Bytes
			out[n-1].pieces++
			out[n-1].until = e.At
			continue
		}
		out = append(out, timelineRow{event: e, pieces: 1})
	}
	return foldRepeats(elideTraffic(out))
}

func continuesRow(m timelineRow, e event.Event) bool {
	last := m.event
	return last.Kind == event.Bytes && e.Kind == event.Bytes && last.Proxy == e.Proxy && last.Conn == e.Conn &&
		last.Direction == e.Direction && last.Offset+last.Bytes == e.Offset
}

func elideTraffic(all []timelineRow) []timelineRow {
	const edge = 4
	var out []timelineRow
	for i := 0; i < len(all); {
		end := i
		for end < len(all) && all[end].isTraffic() {
			end++
		}
		switch {
		case end == i:
			out = append(out, all[i])
			end++
		case end-i <= 2*edge+1:
			out = append(out, all[i:end]...)
		default:
			out = append(out, all[i:i+edge]...)
			out = append(out, timelineRow{event: all[i+edge].event, more: elideRows(all[i+edge : end-edge])})
			out = append(out, all[end-edge:end]...)
		}
		i = end
	}
	return out
}

func elideRows(ms []timelineRow) *elision {
	e := &elision{moments: len(ms)}
	for _, m := range ms {
		switch {
		case m.event.Kind != event.Bytes:
		case m.event.Direction == event.Upstream:
			e.up += m.event.Bytes
		default:
			e.down += m.event.Bytes
		}
	}
	return e
}

// A timeline tells events to people, one line each.
type timeline struct {
	moments []timelineRow
	conns   bool // there is more than one connection
	proxies bool // there is more than one proxy
}

func newTimeline(events []event.Event) timeline {
	t := timeline{moments: foldEvents(events)}
	for _, e := range events {
		t.conns = t.conns || e.Conn > 1
		t.proxies = t.proxies || e.Proxy != "" && e.Proxy != events[0].Proxy
	}
	return t
}

// formatRow tells m: when and who, and what.
func (t timeline) formatRow(m timelineRow) (lead, rest string) {
	mark := "   "
	if m.isFault() {
		mark = ">>>"
	}
	return fmt.Sprintf("%s %8.1f ms  %s%-7s  ", mark, toMillis(m.event.At), t.rowPlace(m, "  "), sourceName(m)), eventText(m)
}

// rowPlace names the proxy and the connection where there are several, each with a gap behind it.
func (t timeline) rowPlace(m timelineRow, gap string) string {
	place := ""
	if t.proxies {
		place += m.event.Proxy + gap
	}
	if t.conns && m.event.Conn > 0 {
		place += fmt.Sprintf("#%d%s", m.event.Conn, gap)
	}
	return place
}

func toMillis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func sourceName(m timelineRow) string {
	e := m.event
	switch {
	case m.more != nil:
		return "…"
	case e.Kind == event.Dial:
		return string(event.Proxy)
	case e.Side != "":
		return string(e.Side)
	case e.Kind == event.Bytes:
		return string(e.Direction.Source())
	case e.Kind == event.Struck && e.Toxic == event.ByScenario:
		return "harness"
	case e.Kind == event.BoundaryRead:
		return string(e.Direction.Destination())
	case e.Kind == event.Accept:
		return string(event.Client)
	}
	return string(event.Proxy)
}

func eventText(m timelineRow) string {
	e := m.event
	switch {
	case m.more != nil && m.more.repeats > 0:
		return fmt.Sprintf("%s like these", plural.Count(m.more.repeats, "more event"))
	case m.more != nil:
		return fmt.Sprintf("%s of traffic: %s upstream, %d downstream", plural.Count(m.more.moments, "more row"), plural.Count(m.more.up, "byte"), m.more.down)
	case e.Kind == event.Bytes:
		return sentText(m) + reasonText(e)
	case e.Kind == event.Accept:
		return "connected to the proxy" + reasonText(e)
	case e.Kind == event.Dial:
		return "connected to the server" + reasonText(e)
	case e.Kind == event.DialFailed:
		return "could not be dialed" + reasonText(e)
	case e.Kind == event.Refuse:
		return "refused" + reasonText(e)
	case e.Kind == event.FIN:
		return "FIN to the " + string(e.Direction.Destination()) + " after " + plural.Count(e.Offset, "byte") + firstText(e) + reasonText(e)
	case e.Kind == event.RST:
		return "RST to the " + string(e.Direction.Destination()) + " after " + plural.Count(e.Offset, "byte") + firstText(e) + reasonText(e)
	case e.Kind == event.Struck && e.Toxic == event.ByScenario:
		return e.Detail
	case e.Kind == event.Struck:
		return e.Toxic + " struck" + faultPlace(e) + reasonText(e)
	case e.Kind == event.Panic:
		return e.Toxic + " panicked" + faultPlace(e) + reasonText(e)
	case e.Kind == event.CannotStrike:
		return e.Toxic + " cannot strike here" + reasonText(e)
	case e.Kind == event.Leaked:
		return e.Toxic + " did not return" + reasonText(e)
	case e.Kind == event.BoundaryRead:
		return "segment boundary" + faultPlace(e) + reasonText(e)
	case e.Kind == event.Close && (e.Detail == "ended" || e.Detail == "aborted"): // as its FINs or its RST have told
		return "connection closed"
	case e.Kind == event.Close && e.Detail == "stopped":
		return "connection closed: the proxy was closed"
	case e.Kind == event.Close:
		return "connection closed" + reasonText(e)
	}
	return string(e.Kind) + reasonText(e)
}

// faultPlace tells the place of a fault; acts on no connection have none.
func faultPlace(e event.Event) string {
	if e.Conn == 0 {
		return ""
	}
	return fmt.Sprintf(" %s at byte %d", e.Direction, e.Offset)
}

func sentText(m timelineRow) string {
	e := m.event
	text := fmt.Sprintf("%s to the %s [%d, %d)", plural.Count(e.Bytes, "byte"), e.Direction.Destination(), e.Offset, e.Offset+e.Bytes)
	if m.pieces > 1 {
		text += fmt.Sprintf(" in %s", plural.Count(m.pieces, "piece"))
	}
	if took := m.until - e.At; took >= time.Millisecond {
		text += fmt.Sprintf(" over %.1f ms", toMillis(took))
	}
	return text
}

func firstText(e event.Event) string {
	if e.First {
		return ", the first side to close"
	}
	return ""
}

func reasonText(e event.Event) string {
	if e.Detail == "" {
		return ""
	}
	return ": " + e.Detail
}
