package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
	"github.com/sockharness/harness/toxics/hook"
)

// A Balance says which of several upstreams a connection is linked to. The zero
// Balance takes them in turn, by the number of the connection.
type Balance struct {
	Random   bool // one that the proxy's seed and the connection's number decide
	Fallback bool // the next one in the list when it cannot be dialled, and so on
}

// FirstUpstream returns the address that new connections are linked to, the first one
// if there are several.
func (p *Proxy) FirstUpstream() string { return p.Upstreams()[0] }

// Upstreams returns the addresses that new connections are linked to.
func (p *Proxy) Upstreams() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.upstreams)
}

// SetUpstream replaces the addresses that new connections are linked to.
func (p *Proxy) SetUpstream(first string, others ...string) {
	p.mu.Lock()
	p.upstreams = append([]string{first}, others...)
	p.mu.Unlock()
	_ = p.gate.followUpstream()
}

// dialUpstream connects to the upstream whose turn it is, of those that there were when the
// client was accepted.
func (s *session) dialUpstream() (*link.Side, error) {
	list := s.upstreams
	turn := (s.number - 1) % uint64(len(list))
	if s.proxy.cfg.Balance.Random {
		turn = s.chance().SplitBy("upstream").NewRand().Uint64N(uint64(len(list)))
	}
	list = slices.Concat(list[turn:], list[:turn])
	if !s.proxy.cfg.Balance.Fallback {
		list = list[:1]
	}
	for i, at := range list {
		side, err := s.dialOne(at)
		if err == nil || i == len(list)-1 || s.proxy.ctx.Err() != nil {
			return side, err
		}
		s.emitEvent(dialFailure(err, "; the next upstream is "+list[i+1]))
	}
	return nil, errors.New("no upstream")
}

// dialOne connects to one upstream and says there what comes before the stream.
func (s *session) dialOne(upstream string) (*link.Side, error) {
	scope, end := s.scope()
	defer end()
	ctx, cancel := context.WithTimeout(scope, s.proxy.cfg.DialTimeout)
	defer cancel()
	c, err := s.connectTo(ctx, upstream)
	if err != nil {
		return nil, err
	}
	ahead, err := s.writeProxyHeader(c)
	if err == nil {
		var stream link.Conn
		if stream, err = s.proxy.tls.ClientConn(ctx, c, hostOf(upstream), s.clientProtocol()); err == nil {
			s.recordOpened(event.Dial, event.Server, stream)
			s.emitEvent(event.Event{Kind: event.Dial, Side: event.Server, Detail: s.addrPair(c.LocalAddr, c.RemoteAddr)})
			side := link.NewSide(event.Server, stream)
			side.PreambleBytes = ahead
			return side, nil
		}
	}
	_ = c.Close()
	return nil, fmt.Errorf("dial %s: %w", upstream, err)
}

func (s *session) connectTo(ctx context.Context, upstream string) (link.Conn, error) {
	network, at, err := sock.ParseAddress(upstream)
	if dial := s.proxy.cfg.DialContext; dial != nil {
		if err != nil {
			network, at = "tcp", upstream
		}
		c, err := dial(ctx, network, at)
		if err != nil {
			return nil, err
		}
		return asStream(c), nil
	}
	switch {
	case err != nil:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	case network != "tcp" && network != "unix":
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.ErrUnsupported}
	}
	w := s.proxy.dialWindow()
	d := net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
		if to, err := netip.ParseAddrPort(address); err == nil && s.proxy.isAt(to) {
			return errSelf
		}
		if w == (hook.SocketLimits{}) {
			return nil
		}
		return sock.LimitWindow(network, address, c, w)
	}}
	d.SetMultipathTCP(false)
	c := s.proxy.dialKnown(ctx, &d, upstream)
	if c == nil {
		if c, err = d.DialContext(ctx, network, at); err != nil {
			return nil, err
		}
	}
	s.proxy.noteDialled(upstream, c.RemoteAddr())
	return s.proxy.ownSocket(c.(link.Conn)), nil
}

// dialKnown dials an upstream by name where it was a moment ago. It returns nil when its
// name is to be looked up.
func (p *Proxy) dialKnown(ctx context.Context, d *net.Dialer, upstream string) net.Conn {
	known := p.knownAddress(upstream)
	if known == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", known)
	if err != nil {
		p.named.Store(nil)
		return nil
	}
	return c
}

// errSelf is of a connection that would make another one, and that another one, until no
// descriptors are left.
var errSelf = errors.New("the upstream is the proxy itself")

// isAt reports whether the proxy listens at an address.
func (p *Proxy) isAt(to netip.AddrPort) bool {
	own, ok := p.Addr().(*net.TCPAddr)
	if !ok || own.Port != int(to.Port()) {
		return false
	}
	return own.IP.Equal(to.Addr().AsSlice()) || own.IP.IsUnspecified() && sock.IsLocal(to.Addr())
}

func (p *Proxy) dialWindow() hook.SocketLimits {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.onDial
}

// writeProxyHeader tells the upstream who its client is, if it is to know, and returns
// how many bytes that took.
func (s *session) writeProxyHeader(c link.Conn) (int64, error) {
	if !s.proxy.cfg.ProxyProtocol {
		return 0, nil
	}
	h := proxyHeader(s.client.Conn.RemoteAddr(), s.client.Conn.LocalAddr())
	if err := c.SetWriteDeadline(time.Now().Add(s.proxy.cfg.DialTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Write(h)
	return int64(n), errors.Join(err, c.SetWriteDeadline(time.Time{}))
}

// hostOf returns the host of an address, "" where it has none.
func hostOf(address string) string {
	if network, at, err := sock.ParseAddress(address); err == nil && network == "tcp" {
		host, _, _ := net.SplitHostPort(at)
		return host
	}
	return ""
}

// handshakeClient does the client's handshake, if the proxy is to.
func (s *session) handshakeClient() error {
	client, ok := s.client.Conn.(*tlsconn.Conn)
	if !ok {
		return nil
	}
	scope, end := s.scope()
	defer end()
	ctx, cancel := context.WithTimeout(scope, s.proxy.cfg.DialTimeout)
	defer cancel()
	return client.RunHandshake(ctx)
}

// clientProtocol returns what the client has agreed to speak within TLS.
func (s *session) clientProtocol() string {
	if client, ok := s.client.Conn.(*tlsconn.Conn); ok {
		return client.ConnectionState().NegotiatedProtocol
	}
	return ""
}
