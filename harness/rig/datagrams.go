package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
)

var datagramModes = map[scenario.AcceptMode]datagram.Mode{
	scenario.Accepting:  datagram.Accept,
	scenario.Refusing:   datagram.Refuse,
	scenario.BlackHoled: datagram.BlackHole,
}

// setUpDatagrams is setUp for a conversation over UDP.
func (b *Testbed) setUpDatagrams(ctx context.Context, c scenario.Case, v scenario.Variant, o Options) (*variantSetup, error) {
	s := &variantSetup{testbed: b, options: o, tc: c, log: event.NewLog(0), lost: make(chan struct{}, maxResends)}
	_, upstream := b.ServerProcess()
	if b.target.Server.Dialogue != nil {
		server, err := serveDatagrams(c.Conversation.Script)
		if err != nil {
			return nil, err
		}
		server.answer, server.clientOf, server.struck = v.Answer, s.clientAt, (&rig{setup: s}).ReportStruck
		s.responder, upstream = server, server.address()
	}
	list, err := datagram.MakeToxics(v.Faults)
	if err == nil {
		s.datagrams, err = datagram.New(datagram.Config{Name: s.proxyName(v), Listen: b.programs.listenHost(), Upstream: strings.TrimPrefix(upstream, udpPrefix), Follow: c.Target.Policies.TransferPort,
			Mode: datagramModes[v.AcceptMode], Seed: s.seedOf(v), Events: s.recordEvents(s.noteDatagram(list)), Record: s.recorder(), Toxics: list})
	}
	if err == nil {
		err = s.datagrams.Start(ctx)
	}
	if err != nil {
		s.closeAll()
		return nil, err
	}
	if s.responder != nil {
		s.responder.start()
	}
	return s, nil
}

// maxResends is how many losses a played client may not have answered yet.
const maxResends = 64

// noteDatagram logs what happens, and tells the played client what was lost: it sends that
// again at once, whatever the time.
func (s *variantSetup) noteDatagram(list []datagram.Toxic) event.Sink {
	return func(e event.Event) {
		s.log.AddEvent(e)
		spoilt := func(t datagram.Toxic) bool {
			return t.Name == e.Toxic && slices.Contains([]string{"drop", "packet_loss", "truncate", "corrupt"}, t.Type)
		}
		if e.Kind != event.Struck || !slices.ContainsFunc(list, spoilt) {
			return
		}
		select {
		case s.lost <- struct{}{}:
		default:
		}
	}
}

// clientAt returns the client of an association of the proxy, by the address of the socket
// that it has towards the server.
func (s *variantSetup) clientAt(from string) net.Addr {
	for _, a := range s.datagrams.OpenAssociations() {
		if a.Local == from {
			if at, err := net.ResolveUDPAddr("udp", a.Client); err == nil {
				return at
			}
		}
	}
	return nil
}

// playDatagrams lets a played client hold the conversation through the proxy.
func (s *variantSetup) playDatagrams(ctx context.Context, v scenario.Variant, o *scenario.Observation) error {
	budget, release := s.newWait(s.tc.Budget+v.Budget, v, s.testbed.ProcessTree, s.testbed.approxTree).Start(ctx)
	defer release()
	budget, leave := s.testbed.untilServerEnds(budget)
	defer leave()
	conn, err := dial(budget, s.proxyAddress())
	if err != nil {
		return fmt.Errorf("connect to the proxy: %w", err)
	}
	defer conn.Close()
	meanwhile := s.startOtherClient(ctx, v)
	played := s.tc.Conversation.Script.PlayClient(budget, conn, dialogue.Options{Resend: s.lost, Lenient: len(v.Faults) > 0})
	o.Played = &played
	o.Spins, o.Stuck = await.Explain(context.Cause(budget))
	o.StuckIn = await.StuckIn(context.Cause(budget))
	o.OtherClientErr = meanwhile()
	return nil
}

// datagramTimes returns when the client under test has sent datagrams, those that a fault
// lost included.
func (s *variantSetup) datagramTimes() []time.Duration {
	var at []time.Duration
	for _, e := range s.log.AllEvents() {
		lost := e.Kind == event.Struck && strings.HasPrefix(e.Toxic, "drop")
		if e.Direction == event.Upstream && (e.Kind == event.Bytes || lost) {
			at = append(at, e.At)
		}
	}
	return at
}

// errServerEnded is the cause of a wait for an answer of a server that has ended.
var errServerEnded = errors.New("the server has ended")

// lastAnswers is how long an answer may be under way that a server sent before it ended.
const lastAnswers = 50 * time.Millisecond

// untilServerEnds returns a context that ends soon after the server's process: over UDP
// nothing else tells a client that no answer comes. stop must be called; it waits.
func (b *Testbed) untilServerEnds(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	process, _ := b.ServerProcess()
	if process == nil {
		return ctx, func() { cancel(nil) }
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
			return
		case <-process.ExitedChan():
		}
		if _, ended := exitedServer(process); ended && sleep.For(ctx, lastAnswers) {
			cancel(errServerEnded)
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}
