package proxy

import (
	"cmp"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// Traffic counts the bytes of one direction.
type Traffic struct {
	Received int64 // read from the source
	Sent     int64 // taken by the destination's kernel
}

func (t *Traffic) add(other Traffic) {
	t.Received += other.Received
	t.Sent += other.Sent
}

// A Connection is what is known of one open connection.
type Connection struct {
	ID             uint64 // on its proxy, from 1
	Since          time.Time
	Client         string // address of the client, see [sock.FormatAddress]
	Upstream       string // address of the server, of several the one that was taken; "" while it is being dialled
	ClientEnding   event.Ending
	UpstreamEnding event.Ending
	Traffic        [2]Traffic  // by direction
	Spliced        [2]int64    // bytes that the kernel carried alone, by direction
	Toxics         [2][]string // at work, by direction
}

// Connections returns the open connections in order of their numbers.
func (p *Proxy) Connections() []Connection {
	p.mu.Lock()
	open := p.openLocked()
	p.mu.Unlock()
	slices.SortFunc(open, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	list := make([]Connection, len(open))
	for i, s := range open {
		list[i] = s.describe()
	}
	return list
}

// Traffic returns what the proxy has carried so far in one direction, on all
// connections, those that are over included.
func (p *Proxy) Traffic(d event.Direction) Traffic {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.past[d]
	for _, s := range p.sessions {
		sum.add(s.traffic()[d])
	}
	return sum
}

func (s *session) traffic() (t [2]Traffic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, l := range s.links {
		if l != nil {
			t[d] = Traffic{Received: l.Received(), Sent: l.Sent()}
		}
	}
	return t
}

func (s *session) describe() Connection {
	c := Connection{ID: s.id, Since: s.since, Client: sock.FormatAddress(s.client.Conn.RemoteAddr()),
		ClientEnding: s.client.Ending(), Traffic: s.traffic()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return c
	}
	c.Upstream, c.UpstreamEnding = sock.FormatAddress(s.server.Conn.RemoteAddr()), s.server.Ending()
	for d, l := range s.links {
		c.Spliced[d], c.Toxics[d] = l.Spliced(), l.Active()
	}
	return c
}
