package rig

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// A connectFault answers connects of the client under test; see [scenario.ConnectFault].
type connectFault struct {
	scenario.ConnectFault
	log    *event.Log
	proxy  netip.AddrPort
	own    []netip.AddrPort // those that the client connects to by itself
	struck atomic.Bool
	first  atomic.Pointer[netip.AddrPort] // that the client tried first; nil: it has tried none
}

// newConnectFault returns what answers connects to the proxy, and to what it stands for.
func (s *variantSetup) newConnectFault(ctx context.Context, f scenario.ConnectFault) (*connectFault, error) {
	client := s.testbed.target.Client
	c := &connectFault{ConnectFault: f, log: s.log}
	var err error
	if c.proxy, err = netip.ParseAddrPort(s.proxyAddress()); err != nil {
		return nil, err
	}
	if s.names != nil {
		c.own, err = client.NamedAddrs(ctx)
	} else {
		c.own, err = client.ConnectAddrs(ctx)
	}
	return c, err
}

// isServer reports whether the client takes that for its server.
func (c *connectFault) isServer(to netip.AddrPort) bool {
	for _, a := range c.own {
		if a == to {
			return true
		}
	}
	return len(c.own) == 0 && to.Port() == c.proxy.Port() && to.Addr().IsLoopback()
}

// replyTo is for [peer.Command].OnConnect.
func (c *connectFault) replyTo(to netip.AddrPort) (r peer.ConnectReply) {
	if !c.isServer(to) {
		return peer.ConnectReply{}
	}
	if to != c.proxy {
		r.To = c.proxy
	}
	c.first.CompareAndSwap(nil, &to)
	if !c.Concerns(to) || c.First && *c.first.Load() != to || c.Errno == 0 && c.Delay == 0 {
		return r
	}
	what := "failed: " + c.Errno.Error()
	if c.Errno == 0 {
		what = fmt.Sprintf("took %s", c.Delay)
	}
	if c.struck.CompareAndSwap(false, true) {
		c.log.AddEvent(event.Event{Kind: event.Struck, Toxic: event.ByScenario, Detail: fmt.Sprintf("connect to %s %s (seccomp user notification)", to, what)})
	}
	r.Delay = c.Delay
	if r.Errno = c.Errno; r.Errno == 0 {
		r.To = c.proxy
	}
	return r
}

// missedReason is why the fault did not strike.
func (c *connectFault) missedReason() error {
	if c.struck.Load() {
		return nil
	}
	where := "its server"
	if c.Address.IsValid() {
		where = c.Address.Addr().String()
	}
	return fmt.Errorf("%w: the client made no connect to %s", scenario.ErrUnsupported, where)
}

// startVariantClient starts the client of a variant.
func (s *variantSetup) startVariantClient(ctx context.Context, v scenario.Variant) (*peer.Process, *connectFault, error) {
	b, address := s.testbed, s.proxyAddress()
	if v.Names != nil {
		return s.startAskingClient(ctx, v)
	}
	if v.Connect == nil {
		process, err := b.startClient(ctx, ClientOptions{Address: address, Scenario: s.options.Scenario})
		return process, nil, err
	}
	fault, err := s.newConnectFault(ctx, *v.Connect)
	if err != nil {
		return nil, nil, err
	}
	if v.Host != "" {
		address = v.Host + address[strings.LastIndexByte(address, ':'):]
	}
	process, err := b.startClient(ctx, ClientOptions{Address: address, Scenario: s.options.Scenario, OnConnect: fault.replyTo})
	return process, fault, err
}

// startAskingClient starts the client of a variant that is about its name server.
func (s *variantSetup) startAskingClient(ctx context.Context, v scenario.Variant) (*peer.Process, *connectFault, error) {
	if err := s.serveNames(ctx, *v.Names); err != nil {
		return nil, nil, err
	}
	connect := scenario.ConnectFault{}
	if v.Connect != nil {
		connect = *v.Connect
	}
	fault, err := s.newConnectFault(ctx, connect)
	if err != nil {
		return nil, nil, err
	}
	process, err := s.testbed.startClient(ctx, ClientOptions{Address: s.proxyAddress(), Scenario: s.options.Scenario, OnConnect: fault.replyTo, Names: s.names})
	if v.Connect == nil {
		fault = nil
	}
	return process, fault, err
}

// unsupportedIfUnable turns the error of a machine that does not let us answer connects into
// that of something that cannot be played.
func unsupportedIfUnable(err error) error {
	if errors.Is(err, peer.ErrNoInterception) {
		return fmt.Errorf("%w: %w", scenario.ErrUnsupported, err)
	}
	return err
}
