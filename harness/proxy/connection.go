package proxy

import (
	"cmp"
	"net"
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

func (t *Traffic) addTraffic(other Traffic) {
	t.Received += other.Received
	t.Sent += other.Sent
}

// A Connection is what is known of one connection.
type Connection struct {
	ID             uint64       // from 1, see [Config.NewID]
	Since          time.Time    // when the client was accepted
	Client         string       // address of the client, see [sock.FormatAddress]
	Upstream       string       // address of the server, of several the one that was taken; "" while it is being dialled
	ClientEnding   event.Ending // how the client ended; "" while it has not
	UpstreamEnding event.Ending // how the upstream ended; "" while it has not
	Traffic        [2]Traffic   // by direction
	Direct         [2]int64     // bytes sent that were not cut into chunks, as toxics need them, by direction
	Toxics         [2][]string  // at work, by direction
	Struck         []string     // toxics that have struck
	Recorded       bool         // what its peers send is recorded

	EndedBy  event.Side   // who was first to end; "" while nobody was
	EndedHow event.Ending // how: [event.EOF] or [event.Reset]
	Ended    time.Time    // when it was over; zero while it is open
	Reason   string       // why, for people; "" while it is open
}

// OpenConnections returns the open connections in order of their numbers.
func (p *Proxy) OpenConnections() (list []Connection) {
	p.EachConnection(func(c Connection) { list = append(list, c) })
	return list
}

// EachConnection calls visit with each open connection in order of their numbers. It keeps
// none of them, so that somebody may look often.
func (p *Proxy) EachConnection(visit func(Connection)) {
	p.mu.Lock()
	open := p.openLocked()
	p.mu.Unlock()
	slices.SortFunc(open, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	for _, s := range open {
		visit(s.connectionInfo())
	}
}

// TotalTraffic returns what the proxy has carried so far in one direction, on all
// connections, those that are over included.
func (p *Proxy) TotalTraffic(d event.Direction) Traffic {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.past[d]
	for _, s := range p.sessions {
		sum.addTraffic(s.sessionTraffic()[d])
	}
	return sum
}

func (s *session) sessionTraffic() (t [2]Traffic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, l := range s.links {
		if l != nil {
			t[d] = Traffic{Received: l.ReceivedBytes(), Sent: l.SentBytes()}
		}
	}
	return t
}

func (s *session) connectionInfo() Connection {
	c := Connection{ID: s.id, Since: s.since, ClientEnding: s.client.PeerEnding(), Traffic: s.sessionTraffic()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = &[2]string{sock.FormatAddress(s.client.Conn.RemoteAddr())}
	}
	c.Client = s.texts[0]
	c.Struck = slices.Clone(s.struck)
	if c.EndedBy = s.ended.Side; s.ended.Kind == event.RST {
		c.EndedHow = event.Reset
	} else if s.ended.Kind == event.FIN {
		c.EndedHow = event.EOF
	}
	if s.server == nil {
		return c
	}
	if s.texts[1] == "" {
		s.texts[1] = sock.FormatAddress(s.server.Conn.RemoteAddr())
	}
	c.Upstream, c.UpstreamEnding = s.texts[1], s.server.PeerEnding()
	for d, l := range s.links {
		c.Direct[d], c.Toxics[d] = l.DirectBytes(), l.ActiveToxics()
		if len(c.Toxics[d]) > 0 && c.Toxics[d][0] == recordingStage {
			c.Toxics[d], c.Recorded = c.Toxics[d][1:], true
		}
	}
	return c
}

// EachPath calls visit with the addresses of each open connection whose upstream is dialled:
// the client's, that from which the upstream was dialled, and the upstream's.
func (p *Proxy) EachPath(visit func(client, from, upstream net.Addr)) {
	p.mu.Lock()
	open := p.openLocked()
	p.mu.Unlock()
	for _, s := range open {
		s.mu.Lock()
		server := s.server
		s.mu.Unlock()
		if server != nil {
			visit(s.client.Conn.RemoteAddr(), server.Conn.LocalAddr(), server.Conn.RemoteAddr())
		}
	}
}
