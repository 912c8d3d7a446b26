package api

import (
	"sync"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/proxy"
)

// keptClosed is how many closed connections are kept to be shown.
const keptClosed = 200

// closedConnections are the connections that were closed last, on all proxies.
type closedConnections struct {
	mu    sync.Mutex // guards what follows
	kept  []closedConnection
	start int // of the oldest, when there are as many as are kept
	total uint64
}

// A closedConnection is one that is over: of a stream, or of datagrams.
type closedConnection struct {
	proxy       string
	stream      proxy.Connection
	association *datagram.Association // nil: of a stream
}

func (c closedConnection) describe() connection {
	if c.association != nil {
		return describeAssociation(c.proxy, *c.association)
	}
	return describeConnection(c.proxy, c.stream)
}

// noteClosed keeps a connection that is over.
func (m *managedProxy) noteClosed(c proxy.Connection) {
	m.daemon.past.keep(closedConnection{proxy: m.name, stream: c})
}

// noteExpired keeps an association that is over.
func (m *managedProxy) noteExpired(a datagram.Association) {
	m.daemon.past.keep(closedConnection{proxy: m.name, association: &a})
}

func (l *closedConnections) keep(c closedConnection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if len(l.kept) < keptClosed {
		l.kept = append(l.kept, c)
		return
	}
	l.kept[l.start] = c
	l.start = (l.start + 1) % keptClosed
}

// list returns those that match, the last one first.
func (l *closedConnections) list(match func(*connection) bool) []connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newestLocked(len(l.kept), match)
}

// newestLocked returns those of the n last that match, the last one first.
func (l *closedConnections) newestLocked(n int, match func(*connection) bool) []connection {
	found := []connection{}
	for i := range n {
		c := l.kept[(l.start+len(l.kept)-1-i)%len(l.kept)]
		if shown := c.describe(); match(&shown) {
			found = append(found, shown)
		}
	}
	return found
}
