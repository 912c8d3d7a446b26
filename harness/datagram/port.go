package datagram

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sleep"
)

// errorPause is how long a socket that fails for no reason known to us is left
// alone.
const errorPause = 5 * time.Millisecond

// Buffers that are asked for; the system may give less (net.core.rmem_max).
const (
	portBuffer        = 4 << 20
	associationBuffer = 1 << 20
)

// bindAttempts is how often a free port is looked for that is still free when it
// is bound by its number.
const bindAttempts = 16

// A port is the address that clients send to, and the only one who opens and
// closes it.
type port struct {
	proxy  *Proxy
	wanted mode

	mu     sync.Mutex // guards what follows; never held during I/O that waits
	conn   *net.UDPConn
	at     *net.UDPAddr
	every  bool // it is bound to every address of the host
	shut   bool // it refuses
	closed bool
	raw    rawSocket
}

// openPort binds the port.
func (p *port) openPort(listen string) error {
	host, number, err := net.SplitHostPort(listen)
	if err != nil {
		return &net.OpError{Op: "listen", Net: "udp", Err: err}
	}
	conn, err := bindPort(p.proxy.ctx, listen)
	for i := 0; i < bindAttempts && err == nil && number == "0"; i++ {
		// Only a number that was asked for survives shutting and reopening.
		again := net.JoinHostPort(host, strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port))
		_ = conn.Close()
		if conn, err = bindPort(p.proxy.ctx, again); err == nil {
			break
		}
		conn, err = bindPort(p.proxy.ctx, listen)
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = conn.LocalAddr().(*net.UDPAddr)
	p.every = p.at.IP.IsUnspecified()
	p.readLocked(conn)
	return nil
}

func bindPort(ctx context.Context, listen string) (*net.UDPConn, error) {
	var config net.ListenConfig
	c, err := config.ListenPacket(ctx, "udp", listen)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// readLocked begins to take datagrams.
func (p *port) readLocked(conn *net.UDPConn) {
	_ = conn.SetReadBuffer(portBuffer) // what cannot be had is not needed
	_ = conn.SetWriteBuffer(portBuffer)
	if p.every {
		p.every = wantLocal(conn) == nil
	}
	p.conn = conn
	every := p.every
	p.proxy.ends.Go(func() { p.readLoop(conn, every) })
}

// readLoop takes datagrams until the socket is closed.
func (p *port) readLoop(conn *net.UDPConn, every bool) {
	buffer := make([]byte, bufferSize)
	var control []byte
	if every {
		control = make([]byte, controlSize)
	}
	for {
		n, c, _, from, err := conn.ReadMsgUDPAddrPort(buffer, control)
		switch {
		case err == nil:
			p.takeDatagram(buffer[:n], key{client: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), local: localOf(control[:c])})
		case errors.Is(err, net.ErrClosed):
			return
		case !isBounce(err) && !sleep.For(p.proxy.ctx, errorPause):
			return
		}
	}
}

func (p *port) takeDatagram(payload []byte, k key) {
	switch p.requestedMode() {
	case Accept:
		p.proxy.carryFromClient(payload, k)
	case BlackHole:
		p.proxy.emitEvent(event.Event{Kind: event.Lost, Side: event.Client, Detail: k.client.String() + " got no answer (blackhole)"})
	}
}

// sendDatagram sends a datagram to a client, from the address that it knows.
func (p *port) sendDatagram(payload []byte, k key) error {
	p.mu.Lock()
	conn := p.conn
	p.mu.Unlock()
	if conn == nil {
		return net.ErrClosed
	}
	_, _, err := conn.WriteMsgUDPAddrPort(payload, fromLocal(k.local, p.at), k.client)
	return err
}

func (p *port) localAddr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		return nil
	}
	return p.at
}

// isSelf reports whether a socket leads to the port. One datagram would go round for
// ever, then, and make an association each time.
func (p *port) isSelf(conn net.Conn) bool {
	at, ok := p.localAddr().(*net.UDPAddr)
	if !ok {
		return false
	}
	to, from := conn.RemoteAddr().(*net.UDPAddr), conn.LocalAddr().(*net.UDPAddr)
	ours := to.IP.Equal(at.IP) || at.IP.IsUnspecified() && (to.IP.IsLoopback() || to.IP.Equal(from.IP))
	return ours && to.Port == at.Port
}

func (p *port) requestedMode() Mode { return p.wanted.loadMode() }

// setMode changes the mode at once. Before the port is open it does nothing but note
// the wish.
func (p *port) setMode(m Mode) error {
	if m > BlackHole {
		return errors.New("there is no " + m.String())
	}
	p.wanted.storeMode(m)
	if p.localAddr() == nil {
		return nil
	}
	return p.applyMode()
}

// applyMode brings the port to the mode that is wanted.
func (p *port) applyMode() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	refuse := p.requestedMode() == Refuse
	switch {
	case p.closed:
		return net.ErrClosed
	case refuse == p.shut:
		return nil
	case refuse:
		p.proxy.emitEvent(event.Event{Kind: event.Refuse, Side: event.Proxy, Detail: "datagrams are refused"})
		p.shut = true
		if shutPort(p.conn, p.at) != nil {
			_ = p.conn.Close()
			p.conn = nil
		}
		return nil
	}
	err := p.reopenLocked()
	p.shut = err != nil
	return err
}

func (p *port) reopenLocked() error {
	if p.conn != nil && reopenPort(p.conn) == nil {
		return nil
	}
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
	conn, err := bindPort(p.proxy.ctx, p.at.String())
	if err == nil {
		p.readLocked(conn)
	}
	return err
}

func (p *port) closePort() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.conn != nil {
		_ = p.conn.Close()
	}
	p.raw.closeSocket()
}

// A mode is read for every datagram.
type mode struct{ value atomic.Uint32 }

func (m *mode) loadMode() Mode   { return Mode(m.value.Load()) }
func (m *mode) storeMode(v Mode) { m.value.Store(uint32(v)) }
