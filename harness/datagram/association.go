package datagram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// A key tells associations apart: the client, and the address of ours that it
// sends to, which its answers must come from.
type key struct {
	client netip.AddrPort
	local  netip.Addr // invalid where the port has one address only
}

// An association is what one client sends and gets: a socket of its own that is
// connected to the upstream, and the two links.
type association struct {
	proxy  *Proxy
	id     uint64 // in events
	number uint64 // on its proxy, from 1
	key    key
	since  time.Time
	ctx    context.Context
	cancel context.CancelFunc
	links  [2]*link
	last   atomic.Int64  // when anything came, nanoseconds since the proxy was made
	gone   chan struct{} // closed when the table has it no more
	own    []Toxic       // that no other association has; guarded by the proxy's editing

	mu     sync.Mutex // guards what follows
	conn   net.Conn   // of UDP; nil: not yet
	ending bool
}

func newAssociation(p *Proxy, number uint64, k key, list []Toxic) *association {
	id := number
	if p.cfg.NewID != nil {
		id = p.cfg.NewID()
	}
	a := &association{proxy: p, id: id, number: number, key: k, since: time.Now(), gone: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(p.ctx)
	for d := range a.links {
		a.links[d] = a.newLink(event.Direction(d))
	}
	a.links[0].opposite, a.links[1].opposite = a.links[1], a.links[0]
	a.updateToxics(list)
	a.links[event.Downstream].connectSender(a.sendToClient)
	a.noteActivity()
	return a
}

func (a *association) newLink(d event.Direction) *link {
	l := &link{direction: d, conn: a.number, ctx: a.ctx, chance: a.proxy.cfg.Seed.SplitN(a.number).SplitBy(d.String()), events: a.emitEvent,
		spawn: a.proxy.ends.Go, alarm: make(chan struct{}, 1)}
	if passing := a.proxy.cfg.Passing; passing != nil {
		l.passing = func(payload []byte) func() { return passing(a.id, d, payload) }
	}
	return l
}

// updateToxics hands the links the toxics that they have of a list.
func (a *association) updateToxics(list []Toxic) {
	for d, l := range a.links {
		var own []Toxic
		for _, t := range list {
			if t.Direction == event.Direction(d) && t.appliesTo(a.proxy.cfg.Served+a.number) {
				own = append(own, t)
			}
		}
		for _, t := range a.own {
			if t.Direction == event.Direction(d) {
				own = append(own, t)
			}
		}
		l.updateChain(own)
	}
}

// runAssociation connects to the upstream and takes what comes from there.
func (a *association) runAssociation() {
	conn, err := a.dialUpstream()
	if err == nil && conn != nil && a.proxy.port.isSelf(conn) {
		err = fmt.Errorf("upstream %s is the proxy itself", conn.RemoteAddr())
	}
	if err != nil {
		a.emitEvent(event.Event{Kind: event.DialFailed, Side: event.Server, Errno: sock.ErrnoName(err), Detail: err.Error()})
		a.emitEvent(event.Event{Kind: event.Refuse, Side: event.Proxy, Detail: err.Error()})
		a.endAssociation("", "the upstream could not be reached")
		return
	}
	if conn == nil {
		return
	}
	a.emitEvent(event.Event{Kind: event.Dial, Side: event.Server, Detail: conn.LocalAddr().String() + " to " + conn.RemoteAddr().String()})
	a.links[event.Upstream].connectSender(func(payload []byte) error { return a.sendUpstream(conn, payload) })
	in := openInlet(conn, &a.proxy.buffers)
	for {
		payload, err := in.receiveDatagram()
		switch {
		case err == nil && a.proxy.port.requestedMode() == Accept:
			a.noteActivity()
			a.recordServer(a.recordTime(), conn, payload, false)
			a.links[event.Downstream].carryDatagram(payload)
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil && !a.isUnreachable(err) && !sleep.For(a.ctx, errorPause):
			return
		}
		in.releaseBuffer()
	}
}

// dialUpstream returns the socket, or nil when the association is over by then.
func (a *association) dialUpstream() (net.Conn, error) {
	conn, err := a.openUpstream()
	if a.ctx.Err() != nil {
		if err == nil {
			_ = conn.Close()
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	enlargeBuffer(conn)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ending {
		_ = conn.Close()
		return nil, nil
	}
	a.conn = conn
	return conn, nil
}

// openUpstream opens the socket towards the upstream.
func (a *association) openUpstream() (net.Conn, error) {
	if a.proxy.cfg.Follow {
		ctx, cancel := context.WithTimeout(a.ctx, a.proxy.cfg.DialTimeout)
		defer cancel()
		return sock.DialFollowing(ctx, a.proxy.cfg.Upstream)
	}
	d := net.Dialer{Timeout: a.proxy.cfg.DialTimeout}
	return d.DialContext(a.ctx, "udp", a.proxy.cfg.Upstream)
}

// attempts is how often a datagram is sent when the kernel, instead of sending
// it, tells of ICMP that answers an earlier one (udp(7)).
const attempts = 4

// sendUpstream sends a datagram upstream.
func (a *association) sendUpstream(conn net.Conn, payload []byte) (err error) {
	for range attempts {
		at := a.recordTime()
		if _, err = conn.Write(payload); err == nil {
			a.recordServer(at, conn, payload, true)
			return nil
		} else if !a.isUnreachable(err) {
			return err
		}
	}
	return fmt.Errorf("datagram of %s: %w", plural.Count(len(payload), "byte"), err)
}

// sendToClient sends a datagram to the client.
func (a *association) sendToClient(payload []byte) error {
	at := a.recordTime()
	err := a.proxy.port.sendDatagram(payload, a.key)
	if err == nil {
		a.recordClient(at, payload, true)
	}
	return err
}

// isUnreachable reports whether an error is ICMP's, and if so says so to everybody.
func (a *association) isUnreachable(err error) bool {
	if !isBounce(err) {
		return false
	}
	detail := err.Error()
	var errno syscall.Errno
	if errors.As(err, &errno) {
		detail = errno.Error()
	}
	told := "the client gets no error"
	if a.proxy.port.sendUnreachable(a.key) == nil {
		told = "the client gets an ICMP error"
	}
	a.emitEvent(event.Event{Kind: event.PortUnreachable, Direction: event.Upstream, Side: event.Server,
		Offset: a.links[event.Upstream].carriedTraffic().Sent.Bytes, Detail: detail + ", " + told})
	return true
}

// isBounce reports whether an error is what ICMP leaves on a connected socket.
func isBounce(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) ||
		errors.Is(err, syscall.ECONNRESET) // on Windows
}

func (a *association) noteActivity() { a.last.Store(int64(time.Since(a.proxy.made))) }

// holdsPackets reports whether something is held that will still leave.
func (a *association) holdsPackets() bool {
	return a.links[0].holdsPackets() || a.links[1].holdsPackets()
}

// endAssociation closes the association, unless that is done, with an event of the kind
// before, if there is one.
func (a *association) endAssociation(kind event.Kind, detail string) {
	a.mu.Lock()
	if a.ending {
		a.mu.Unlock()
		return
	}
	a.ending = true
	conn := a.conn
	a.mu.Unlock()
	a.cancel()
	if conn != nil && a.proxy.ctx.Err() != nil {
		_ = conn.SetWriteDeadline(time.Unix(1, 0)) // nobody waits for a network that takes nothing
	}
	for _, l := range a.links {
		l.closeLink()
	}
	if conn != nil {
		_ = conn.Close()
	}
	a.proxy.table.removeAssociation(a)
	close(a.gone)
	if kind != "" {
		a.emitEvent(event.Event{Kind: kind, Side: event.Proxy, Detail: detail})
	}
	a.emitEvent(event.Event{Kind: event.Close, Detail: detail})
	if tell := a.proxy.cfg.Closed; tell != nil {
		past := a.describe()
		past.Ended, past.Reason = time.Now(), detail
		tell(past)
	}
}

func (a *association) emitEvent(e event.Event) {
	e.Conn = a.id
	a.proxy.emitEvent(e)
}

// upstreamAddrs returns the addresses of the socket towards the upstream and of the upstream,
// "" while they are not known.
func (a *association) upstreamAddrs() (local, upstream string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		return "", ""
	}
	return a.conn.LocalAddr().String(), a.conn.RemoteAddr().String()
}
