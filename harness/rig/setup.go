package rig

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A variantSetup is the set of one variant: a proxy with its faults, the dialogue
// server behind it if the target's server is a dialogue, and the log.
type variantSetup struct {
	testbed *Testbed
	options Options
	tc      scenario.Case
	log     *event.Log
	proxy   *proxy.Proxy // nil over UDP
	// recording is of what passes the proxy; nil: nothing is recorded
	recording    *capture.Recording
	server       *dialogueServer
	neverAnswers bool // see [scenario.Variant]
	wire         bool // the same

	datagrams *datagram.Proxy // over UDP
	responder *datagramServer // behind it, if the target's server is a dialogue
	lost      chan struct{}   // one element for each datagram of which a fault makes a client send it again

	// listener is of an act that plays the server; nil for others
	listener acceptor

	tls   tlsconn.Config        // of the proxy
	data  *dataConnections      // nil: the conversation has none
	names *scenario.NameService // with a fault; nil: those of the testbed
	part  bool                  // the case is that of a part of the conversation: a data connection, or what is said before TLS
	aside atomic.Int64          // events of the connections that the faults are not for

	questions nameQuestions // for names of the client's server

	cpuWait atomic.Int64 // nanoseconds for which a peer or we were ready and got no processor
}

// setUp starts what the variant needs beside the peers. The caller must close it.
func (b *Testbed) setUp(ctx context.Context, c scenario.Case, v scenario.Variant, o Options) (*variantSetup, error) {
	if b.transport() == scenario.UDP {
		return b.setUpDatagrams(ctx, c, v, o)
	}
	s := &variantSetup{testbed: b, options: o, tc: c, log: event.NewLog(0), neverAnswers: v.NeverAnswers, wire: v.Wire, part: v.Data > 0 || v.Before}
	if !v.Wire && !v.Before {
		s.tls = b.proxyTLS(v.Listen, v.Run != nil && c.Role == scenario.Server)
	}
	_, upstream := b.ServerProcess()
	switch {
	case v.Listen:
		listener, err := b.config.Shared.book.listen(ctx, b.transport())
		if err != nil {
			return nil, err
		}
		s.listener, upstream = listener, listenerAddress(listener)
	case b.target.Server.Dialogue != nil:
		s.openDataConnections(v, "")
		server, err := serveDialogue(ctx, s.script(), b.config.Shared.book, b.transport(), s.data, b.openingFor(v))
		if err != nil {
			return nil, err
		}
		s.server, upstream = server, server.listenAddr()
	}
	listen, err := b.programs.ListenAddress()
	if err != nil {
		s.closeAll()
		return nil, err
	}
	s.openDataConnections(v, upstream)
	config, err := s.proxyConfig(v, v.Data == 0)
	if err != nil {
		s.closeAll()
		return nil, err
	}
	config.Listen, config.Upstream, config.TLS = listen, upstream, s.tls
	if s.proxy, err = proxy.New(config); err == nil {
		err = s.proxy.Start(ctx)
	}
	if err != nil {
		s.closeAll()
		return nil, err
	}
	return s, nil
}

// proxyConfig is that of a proxy of the variant, but for its addresses. The one that strikes
// has the faults, and what happens there is logged.
func (s *variantSetup) proxyConfig(v scenario.Variant, strikes bool) (proxy.Config, error) {
	config := proxy.Config{Name: s.proxyName(v), Seed: s.seedOf(v), Events: s.addAside,
		UpstreamDown: proxy.FailReset, Drain: -1, Shared: s.testbed.config.Shared.proxies}
	if slow := s.testbed.slowStart(); slow > 0 {
		config.Patience.Boundary, config.Patience.Consume = boundaryTimeout+slow, boundaryTimeout+slow
	}
	if !strikes {
		return config, nil
	}
	config.Events, config.Mode = s.addEvent, acceptModes[v.AcceptMode]
	s.record(&config)
	return config, addFaults(&config, slices.Concat(v.Faults, v.Profile))
}

// openDataConnections lets the conversation of the variant open its data connections, once.
func (s *variantSetup) openDataConnections(v scenario.Variant, server string) {
	if s.data == nil && v.Run == nil && !v.Before {
		s.data = newDataConnections(s.script(), server, s.tls, func(n int) (proxy.Config, error) { return s.proxyConfig(v, n == v.Data-1) })
	}
}

// script is what the variant plays.
func (s *variantSetup) script() *dialogue.Script {
	if s.part {
		return s.options.Script
	}
	return s.tc.Conversation.Script
}

var acceptModes = map[scenario.AcceptMode]proxy.Mode{
	scenario.Accepting:  proxy.Accept,
	scenario.Refusing:   proxy.Refuse,
	scenario.BlackHoled: proxy.BlackHole,
}

// addFaults makes the toxics of the variant.
func addFaults(c *proxy.Config, faults []spec.Spec) error {
	for _, spec := range faults {
		made, err := toxics.MakeToxic(spec)
		if err != nil {
			return err
		}
		c.Toxics = append(c.Toxics, proxy.FromToxic(made)...)
	}
	return nil
}

// proxyName is unique among the proxies of the scenario.
func (s *variantSetup) proxyName(v scenario.Variant) string {
	return fmt.Sprintf("%s %s %s", s.testbed.target.Name, s.options.Scenario, v.Name)
}

// seedOf returns the seed of a variant.
func (s *variantSetup) seedOf(v scenario.Variant) seed.Source {
	return s.testbed.seed.SplitBy(s.options.Scenario).SplitBy(v.Name)
}

// proxyAddress is where the clients of the variant connect.
func (s *variantSetup) proxyAddress() string {
	if s.datagrams != nil {
		return sock.FormatAddress(s.datagrams.Addr())
	}
	return sock.FormatAddress(s.proxy.Addr())
}

func (s *variantSetup) closeAll() {
	if s.proxy != nil {
		s.proxy.Close()
	}
	if s.datagrams != nil {
		s.datagrams.Close()
	}
	if s.responder != nil {
		s.responder.closeAll()
	}
	if s.server != nil {
		s.server.closeAll()
	}
	s.data.closeAll()
	s.names.Close()
	if s.listener != nil {
		s.listener.Close()
	}
}
