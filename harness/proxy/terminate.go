package proxy

import (
	"context"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A Termination says how [Proxy.EndConnections] ends a connection.
type Termination uint8

// The terminations.
const (
	TerminateClose   Termination = iota // FIN to both sides
	TerminateReset                      // RST to both sides
	FinishUpstream                      // FIN to the server; the other direction stays open
	FinishDownstream                    // FIN to the client; the other direction stays open
)

// EndConnections ends the open connections that match selects, all of them if it is
// nil, and returns how many these are. Those whose end was asked for before are none
// of them. It does not wait for their ends.
func (p *Proxy) EndConnections(how Termination, match func(Connection) bool) int {
	p.mu.Lock()
	open := p.openLocked()
	p.mu.Unlock()
	ended := 0
	for _, s := range open {
		if s.isTerminated() || match != nil && !match(s.connectionInfo()) {
			continue
		}
		ended++
		s.terminate(how)
	}
	if ended > 0 {
		p.shared.loops.recheck(p)
	}
	return ended
}

// EndConnection ends the open connection of that number. It returns false when there
// is none. It does not wait for the end.
func (p *Proxy) EndConnection(id uint64, how Termination) bool {
	p.mu.Lock()
	s := p.sessions[id]
	p.mu.Unlock()
	if s == nil || s.isTerminated() {
		return false
	}
	s.terminate(how)
	p.shared.loops.recheck(p)
	return true
}

func (s *session) terminate(how Termination) {
	switch how {
	case FinishUpstream:
		s.halfClose(event.Upstream)
	case FinishDownstream:
		s.halfClose(event.Downstream)
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.terminated = true
		s.reset = s.reset || how == TerminateReset
		for _, cancel := range s.cancels {
			cancel()
		}
	}
}

// halfClose ends one direction by a toxic that only this connection has.
func (s *session) halfClose(d event.Direction) {
	t, err := toxics.MakeToxic(spec.Spec{Name: "half-closed by request " + d.String(), Type: "half_close", Direction: d})
	if err != nil {
		return // not of a type of the catalogue without attributes
	}
	s.editOwn(func(s *session) { s.own = append(s.own, FromToxic(t)...) })
}

// scope returns a context for what the session does, which ends with the proxy and
// when the connection is terminated. Cancel must be called.
func (s *session) scope() (ctx context.Context, cancel context.CancelFunc) {
	ctx, cancel = context.WithCancel(s.proxy.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancels = append(s.cancels, cancel)
	if s.terminated {
		cancel()
	}
	return ctx, cancel
}

// isTerminated reports whether somebody has asked for the end of the connection.
func (s *session) isTerminated() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terminated
}

// finalOutcome is how the connection ends after both links have.
func (s *session) finalOutcome() link.Outcome {
	s.mu.Lock()
	reset := s.outcome == link.Stopped && s.reset
	outcome := s.outcome
	s.mu.Unlock()
	if !reset {
		return outcome
	}
	for d, l := range s.links {
		s.emitEvent(event.Event{Kind: event.RST, Direction: event.Direction(d), Side: event.Proxy, Offset: l.SentBytes()})
	}
	return link.Aborted
}
