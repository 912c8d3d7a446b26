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
	id     uint64
	key    key
	since  time.Time
	ctx    context.Context
	cancel context.CancelFunc
	links  [2]*link
	last   atomic.Int64  // when anything came, nanoseconds since the proxy was made
	gone   chan struct{} // closed when the table has it no more

	mu     sync.Mutex // guards what follows
	conn   *net.UDPConn
	ending bool
}

func newAssociation(p *Proxy, id uint64, k key, list []Toxic) *association {
	a := &association{proxy: p, id: id, key: k, since: time.Now(), gone: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(p.ctx)
	for d := range a.links {
		a.links[d] = a.newLink(event.Direction(d))
	}
	a.links[0].opposite, a.links[1].opposite = a.links[1], a.links[0]
	a.update(list)
	a.links[event.Downstream].connect(a.answer)
	a.touch()
	return a
}

func (a *association) newLink(d event.Direction) *link {
	return &link{direction: d, conn: a.id, ctx: a.ctx, chance: a.proxy.cfg.Seed.SplitN(a.id).Split(d.String()), events: a.emit,
		spawn: a.proxy.ends.Go, alarm: make(chan struct{}, 1)}
}

// update hands the links the toxics that they have of a list.
func (a *association) update(list []Toxic) {
	for d, l := range a.links {
		var own []Toxic
		for _, t := range list {
			if t.Direction == event.Direction(d) && t.covers(a.id) {
				own = append(own, t)
			}
		}
		l.update(own)
	}
}

// run connects to the upstream and takes what comes from there.
func (a *association) run() {
	conn, err := a.dial()
	if err == nil && conn != nil && a.proxy.port.is(conn) {
		err = fmt.Errorf("upstream %s is the proxy itself", conn.RemoteAddr())
	}
	if err != nil {
		a.emit(event.Event{Kind: event.Dial, Side: event.Server, Detail: err.Error()})
		a.emit(event.Event{Kind: event.Refuse, Side: event.Proxy, Detail: err.Error()})
		a.end("", "the upstream could not be reached")
		return
	}
	if conn == nil {
		return
	}
	a.emit(event.Event{Kind: event.Dial, Side: event.Server, Detail: conn.LocalAddr().String() + " to " + conn.RemoteAddr().String()})
	a.links[event.Upstream].connect(func(payload []byte) error { return a.ask(conn, payload) })
	in := newInlet(conn, &a.proxy.buffers)
	for {
		payload, err := in.receive()
		switch {
		case err == nil && a.proxy.port.requested() == Accept:
			a.touch()
			a.links[event.Downstream].carry(payload)
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil && !a.bounced(err) && !pause(a.ctx, errorPause):
			return
		}
		in.done()
	}
}

// dial returns the socket, or nil when the association is over by then.
func (a *association) dial() (*net.UDPConn, error) {
	d := net.Dialer{Timeout: a.proxy.cfg.DialTimeout}
	c, err := d.DialContext(a.ctx, "udp", a.proxy.cfg.Upstream)
	if a.ctx.Err() != nil {
		if c != nil {
			_ = c.Close()
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	enlarge(conn)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ending {
		_ = conn.Close()
		return nil, nil
	}
	a.conn = conn
	return conn, nil
}

// attempts is how often a datagram is sent when the kernel, instead of sending
// it, tells of ICMP that answers an earlier one (udp(7)).
const attempts = 4

// ask sends a datagram upstream.
func (a *association) ask(conn *net.UDPConn, payload []byte) (err error) {
	for range attempts {
		if _, err = conn.Write(payload); err == nil || !a.bounced(err) {
			return err
		}
	}
	return fmt.Errorf("datagram of %d bytes: %w", len(payload), err)
}

// answer sends a datagram to the client.
func (a *association) answer(payload []byte) error { return a.proxy.port.send(payload, a.key) }

// bounced reports whether an error is ICMP's, and if so says so to everybody.
func (a *association) bounced(err error) bool {
	if !isBounce(err) {
		return false
	}
	detail := err.Error()
	var errno syscall.Errno
	if errors.As(err, &errno) {
		detail = errno.Error()
	}
	told := "the client is not told"
	if a.proxy.port.bounce(a.key) == nil {
		told = "the client is told"
	}
	a.emit(event.Event{Kind: event.Bounce, Direction: event.Upstream, Side: event.Server,
		Offset: a.links[event.Upstream].carried().Sent.Bytes, Detail: detail + ", " + told})
	return true
}

// isBounce reports whether an error is what ICMP leaves on a connected socket.
func isBounce(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) ||
		errors.Is(err, syscall.ECONNRESET) // on Windows
}

func (a *association) touch() { a.last.Store(int64(time.Since(a.proxy.made))) }

// busy reports whether something is held that will still leave.
func (a *association) busy() bool { return a.links[0].pending() || a.links[1].pending() }

// end closes the association, unless that is done, with an event of the kind
// before, if there is one.
func (a *association) end(kind event.Kind, detail string) {
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
		l.close()
	}
	if conn != nil {
		_ = conn.Close()
	}
	a.proxy.table.remove(a)
	close(a.gone)
	if kind != "" {
		a.emit(event.Event{Kind: kind, Side: event.Proxy, Detail: detail})
	}
	a.emit(event.Event{Kind: event.Close, Detail: detail})
}

func (a *association) emit(e event.Event) {
	e.Conn = a.id
	a.proxy.emit(e)
}

// upstream returns the address of the upstream, "" while it is not known.
func (a *association) upstream() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		return ""
	}
	return a.conn.RemoteAddr().String()
}
