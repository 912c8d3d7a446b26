package report

import (
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A moment is a line of a timeline.
type moment struct {
	event  event.Event // the first of those folded
	pieces int         // how many events are folded into it
	until  time.Duration
	more   *elision
}

// An elision stands for moments of traffic that are not told one by one.
type elision struct {
	moments  int
	up, down int64
}

func (m moment) fault() bool {
	switch m.event.Kind {
	case event.Struck, event.Panic, event.Abandon, event.Refuse:
		return true
	}
	return false
}

func (m moment) traffic() bool {
	return m.event.Kind == event.Bytes || m.event.Kind == event.Deliver
}

// moments folds events: successive pieces of one direction into one moment,
// and of a long run of traffic all but its beginning and end.
func moments(events []event.Event) []moment {
	var out []moment
	for _, e := range events {
		if n := len(out); n > 0 && continues(out[n-1], e) {
			out[n-1].event.Bytes += e.Bytes
			out[n-1].pieces++
			out[n-1].until = e.At
			continue
		}
		out = append(out, moment{event: e, pieces: 1})
	}
	return elideTraffic(out)
}

func continues(m moment, e event.Event) bool {
	last := m.event
	return last.Kind == event.Bytes && e.Kind == event.Bytes && last.Proxy == e.Proxy && last.Conn == e.Conn &&
		last.Direction == e.Direction && last.Offset+last.Bytes == e.Offset
}

func elideTraffic(all []moment) []moment {
	const edge = 4
	var out []moment
	for i := 0; i < len(all); {
		end := i
		for end < len(all) && all[end].traffic() {
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
			out = append(out, moment{event: all[i+edge].event, more: sum(all[i+edge : end-edge])})
			out = append(out, all[end-edge:end]...)
		}
		i = end
	}
	return out
}

func sum(ms []moment) *elision {
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
	moments []moment
	conns   bool // there is more than one connection
	proxies bool // there is more than one proxy
}

func newTimeline(events []event.Event) timeline {
	t := timeline{moments: moments(events)}
	for _, e := range events {
		t.conns = t.conns || e.Conn > 1
		t.proxies = t.proxies || e.Proxy != events[0].Proxy
	}
	return t
}

// line tells m: when and who, and what.
func (t timeline) line(m moment) (lead, rest string) {
	mark := "   "
	if m.fault() {
		mark = ">>>"
	}
	place := ""
	if t.proxies {
		place += m.event.Proxy + "  "
	}
	if t.conns && m.event.Conn > 0 {
		place += fmt.Sprintf("#%d  ", m.event.Conn)
	}
	return fmt.Sprintf("%s %8.1f ms  %s%-6s  ", mark, millis(m.event.At), place, who(m)), what(m)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func who(m moment) string {
	e := m.event
	switch {
	case m.more != nil:
		return "…"
	case e.Side != "":
		return string(e.Side)
	case e.Kind == event.Bytes:
		return string(e.Direction.Source())
	case e.Kind == event.Deliver:
		return string(e.Direction.Destination())
	case e.Kind == event.Accept:
		return string(event.Client)
	}
	return string(event.Proxy)
}

func what(m moment) string {
	e := m.event
	switch {
	case m.more != nil:
		return fmt.Sprintf("%d more moments of traffic: %d bytes upstream, %d downstream", m.more.moments, m.more.up, m.more.down)
	case e.Kind == event.Bytes:
		return sent(m) + because(e)
	case e.Kind == event.Accept:
		return "connected to the proxy" + because(e)
	case e.Kind == event.Dial:
		return "dialed the server" + because(e)
	case e.Kind == event.Refuse:
		return "refused" + because(e)
	case e.Kind == event.FIN:
		return "FIN after " + plural64(e.Offset) + " " + e.Direction.String() + first(e) + because(e)
	case e.Kind == event.RST:
		return "RST after " + plural64(e.Offset) + " " + e.Direction.String() + first(e) + because(e)
	case e.Kind == event.Struck:
		return e.Toxic + " struck" + where(e) + because(e)
	case e.Kind == event.Panic:
		return e.Toxic + " panicked" + where(e) + because(e)
	case e.Kind == event.Abandon:
		return e.Toxic + " did not return and was left behind" + because(e)
	case e.Kind == event.Deliver:
		return "segment boundary" + where(e) + because(e)
	case e.Kind == event.Close:
		return "connection over" + because(e)
	}
	return string(e.Kind) + because(e)
}

// where tells the place of a fault; acts on no connection have none.
func where(e event.Event) string {
	if e.Conn == 0 {
		return ""
	}
	return fmt.Sprintf(" %s at byte %d", e.Direction, e.Offset)
}

func sent(m moment) string {
	e := m.event
	text := fmt.Sprintf("%s to the %s [%d, %d)", plural64(e.Bytes), e.Direction.Destination(), e.Offset, e.Offset+e.Bytes)
	if m.pieces > 1 {
		text += fmt.Sprintf(" in %d pieces", m.pieces)
	}
	if took := m.until - e.At; took >= time.Millisecond {
		text += fmt.Sprintf(" over %.1f ms", millis(took))
	}
	return text
}

func plural64(n int64) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

func first(e event.Event) string {
	if e.First {
		return ", the first to end"
	}
	return ""
}

func because(e event.Event) string {
	if e.Detail == "" {
		return ""
	}
	return ": " + e.Detail
}
