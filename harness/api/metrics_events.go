package api

import (
	"sync"

	"github.com/sockharness/harness/harness/event"
)

// An eventCounter folds the events of one run of a proxy into the counts.
type eventCounter struct {
	counts *eventCollectors
	proxy  string

	mu      sync.Mutex // guards what follows
	endings map[uint64]ending
	tried   map[uint64]bool // an upstream has been dialled
}

// An ending is how a connection ended first, and by whose doing.
type ending struct {
	how  event.Ending
	side event.Side
}

// addEvent counts an event. A nil tally counts nothing.
func (t *eventCounter) addEvent(e event.Event) {
	if t == nil || e.Conn == 0 {
		return
	}
	switch e.Kind {
	case event.Accept:
		t.counts.total.WithLabelValues(t.proxy).Inc()
		t.counts.open.WithLabelValues(t.proxy).Inc()
		t.counts.dialErrors.WithLabelValues(t.proxy) // at 0 before the first one, which is a rise then
	case event.Dial, event.DialFailed:
		t.tryDial(e.Conn)
	case event.Refuse:
		if t.tryDial(e.Conn) {
			t.counts.dialErrors.WithLabelValues(t.proxy).Inc()
		} else {
			t.counts.handshakeErrors.WithLabelValues(t.proxy).Inc()
		}
	case event.Panic, event.Leaked, event.CannotStrike:
		t.counts.failed.WithLabelValues(t.proxy, e.Toxic, string(e.Kind)).Inc()
	case event.Struck:
		t.counts.struck.WithLabelValues(t.proxy, e.Toxic).Inc()
	case event.PortUnreachable:
		t.counts.bounced.WithLabelValues(t.proxy).Inc()
	case event.Lost:
		t.counts.lost.WithLabelValues(t.proxy).Inc()
	case event.Expire:
		t.rememberEnding(e.Conn, ending{event.Timeout, event.Proxy})
	case event.FIN, event.RST:
		t.noteEvent(e)
	case event.Close:
		was := t.takeEnding(e.Conn)
		t.counts.open.WithLabelValues(t.proxy).Dec()
		t.counts.ended.WithLabelValues(t.proxy, string(was.how), string(was.side)).Inc()
	}
}

func (t *eventCounter) noteEvent(e event.Event) {
	if !e.First {
		return
	}
	how := event.EOF
	if e.Kind == event.RST {
		how = event.Reset
	}
	t.rememberEnding(e.Conn, ending{how, e.Side})
}

// tryDial keeps that an upstream is dialled, and reports whether one was before.
func (t *eventCounter) tryDial(conn uint64) (before bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before = t.tried[conn]
	t.tried[conn] = true
	return before
}

func (t *eventCounter) rememberEnding(conn uint64, how ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endings[conn] = how
}

func (t *eventCounter) takeEnding(conn uint64) ending {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, ok := t.endings[conn]
	delete(t.endings, conn)
	delete(t.tried, conn)
	if !ok {
		return ending{event.EOF, event.Proxy} // a toxic or the daemon has shut it
	}
	return was
}
