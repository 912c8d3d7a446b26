package scenariofile

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/spec"
)

// A datagramProxy stands between the played clients and a server over UDP.
type datagramProxy struct {
	proxy *datagram.Proxy

	mu     sync.Mutex      // guards what follows
	struck map[string]bool // by name of the toxic
}

// startDatagrams starts the proxy with the faults of the scenario.
func (s *session) startDatagrams(ctx context.Context) error {
	p := &datagramProxy{struck: map[string]bool{}}
	list, err := datagram.MakeToxics(s.faults)
	if err != nil {
		return err
	}
	p.proxy, err = datagram.New(datagram.Config{Name: s.definition.ID, Listen: "127.0.0.1:0", Upstream: strings.TrimPrefix(s.rig.ServerAddr(), "udp:"), Follow: s.follow,
		Seed: seed.New(int64(s.definition.Node.Line())), Toxics: list, Events: func(e event.Event) { p.note(s.rig, e) }})
	if err == nil {
		err = p.proxy.Start(ctx)
	}
	if err != nil {
		return fmt.Errorf("datagram proxy: %w", err)
	}
	s.datagrams = p
	return nil
}

// note keeps which faults have struck, and tells the run of the first time.
func (p *datagramProxy) note(rig scenario.Rig, e event.Event) {
	if e.Kind != event.Struck {
		return
	}
	p.mu.Lock()
	first := !p.struck[e.Toxic]
	p.struck[e.Toxic] = true
	p.mu.Unlock()
	if first {
		rig.ReportStruck(e.Toxic + ": " + e.Detail)
	}
}

func (p *datagramProxy) setFaults(faults []spec.Spec) error {
	list, err := datagram.MakeToxics(faults)
	if err != nil {
		return err
	}
	return p.proxy.SetToxics(list)
}

func (p *datagramProxy) setMode(m scenario.AcceptMode) error {
	return p.proxy.SetMode(map[scenario.AcceptMode]datagram.Mode{scenario.Accepting: datagram.Accept,
		scenario.Refusing: datagram.Refuse, scenario.BlackHoled: datagram.BlackHole}[m])
}

func (p *datagramProxy) close() { p.proxy.Close() }

// dial returns a socket that is connected to the proxy.
func (p *datagramProxy) dial(ctx context.Context) (sock.Conn, error) {
	return sock.Dial(ctx, &net.Dialer{}, sock.FormatAddress(p.proxy.Addr()))
}

// checkTransport tells which targets the scenario cannot be played to.
func (d *Definition) checkTransport(c scenario.Case) error {
	if udp := d.Transport == UDP; c.Target.Transport() == scenario.UDP && !udp {
		return c.UnsupportedErrorf("the server of the target takes datagrams, and the scenario does not say transport: udp")
	}
	return nil
}

// transport finds what datagrams do not have.
func (c *checker) transport() {
	if c.d.Transport != UDP {
		return
	}
	n := c.d.Node
	faultsAlone := c.d.Role == scenario.Client && len(c.d.Steps) == 0 && len(c.d.Faults) > 0
	switch {
	case faultsAlone && c.d.Sweep == nil:
		return // the target's own conversation is held
	case c.d.Role != scenario.Server:
		c.dec.ReportError(n.GetKey("transport"), "over UDP steps are for a server under test", "delete role, or write faults and no steps: a client holds its own conversation")
	case c.d.Sweep != nil:
		c.dec.ReportError(n.GetKey("sweep"), "datagrams have no places in a stream", "delete the sweep, or write faults, such as {toxic: drop, count: 1}")
	case len(c.d.Steps) == 0:
		c.dec.ReportError(n, "a scenario over UDP needs steps", "write what is sent and expected")
	}
	walk(c.d.Steps, func(s Step) {
		switch {
		case s.Boundary:
			c.dec.ReportError(s.Node, "datagrams have their own boundaries", "delete the step")
		case s.Action != nil:
			c.datagramAction(s.Action)
		}
	})
}

// datagramAction finds words that are about streams.
func (c *checker) datagramAction(a *Action) {
	for word, given := range map[string]bool{"shutdown": a.Shutdown, "reset": a.Reset} {
		if given {
			c.dec.ReportError(a.Node, "there is no "+word+" with UDP", "delete it")
		}
	}
	if a.Expect == nil {
		return
	}
	for _, o := range a.Expect.Options {
		if o.Ending == EOF || o.Ending == Reset || o.Ending == Closed {
			c.dec.ReportError(o.Node, fmt.Sprintf("%s does not happen with UDP: datagrams have no end", o.Ending), "expect a datagram, silence or refused")
		}
	}
}
