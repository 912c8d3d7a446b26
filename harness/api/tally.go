package api

import (
	"sync"

	"github.com/sockharness/harness/harness/event"
)

// A tally folds the events of one run of a proxy into the counts.
type tally struct {
	counts *counts
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

// add counts an event. A nil tally counts nothing.
func (t *tally) add(e event.Event) {
	if t == nil || e.Conn == 0 {
		return
	}
	switch e.Kind {
	case event.Accept:
		t.counts.total.WithLabelValues(t.proxy).Inc()
		t.counts.open.WithLabelValues(t.proxy).Inc()
	case event.Dial:
		t.try(e.Conn)
	case event.Refuse:
		if t.try(e.Conn) {
			t.counts.dialErrors.WithLabelValues(t.proxy).Inc()
		} else {
			t.counts.handshakeErrors.WithLabelValues(t.proxy).Inc()
		}
	case event.Panic, event.Abandon:
		t.counts.failed.WithLabelValues(t.proxy, e.Toxic, string(e.Kind)).Inc()
	case event.Struck:
		t.counts.struck.WithLabelValues(t.proxy, e.Toxic).Inc()
	case event.Bounce:
		t.counts.bounced.WithLabelValues(t.proxy).Inc()
	case event.Lost:
		t.counts.lost.WithLabelValues(t.proxy).Inc()
	case event.Expire:
		t.remember(e.Conn, ending{event.Timeout, event.Proxy})
	case event.FIN, event.RST:
		t.note(e)
	case event.Close:
		was := t.take(e.Conn)
		t.counts.open.WithLabelValues(t.proxy).Dec()
		t.counts.ended.WithLabelValues(t.proxy, string(was.how), string(was.side)).Inc()
	}
}

func (t *tally) note(e event.Event) {
	if !e.First {
		return
	}
	how := event.EOF
	if e.Kind == event.RST {
		how = event.Reset
	}
	t.remember(e.Conn, ending{how, e.Side})
}

// try keeps that an upstream is dialled, and reports whether one was before.
func (t *tally) try(conn uint64) (before bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before = t.tried[conn]
	t.tried[conn] = true
	return before
}

func (t *tally) remember(conn uint64, how ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endings[conn] = how
}

func (t *tally) take(conn uint64) ending {
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
