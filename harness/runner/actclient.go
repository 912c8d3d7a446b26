package runner

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A subject is the client under test of an act.
type subject struct {
	stage   *stage
	process *peer.Process
	knocks  *sock.Knocks // nil: this system does not tell of refused connects
	start   time.Time

	mu sync.Mutex // guards what follows
	at []time.Duration
}

// StartClient implements [scenario.ClientRig].
func (a *act) StartClient(ctx context.Context) (scenario.Subject, error) {
	s := &subject{stage: a.stage, start: time.Now()}
	addr, err := netip.ParseAddrPort(a.stage.proxy.Addr().String())
	if err != nil {
		return nil, err
	}
	if knocks, err := sock.WatchKnocks(addr, s.knock); err == nil {
		s.knocks = knocks
	}
	s.process, err = a.bench().startClient(ctx, a.stage.proxy.Addr(), a.stage.play.scenario.ID)
	if err != nil {
		s.deafen()
		return nil, err
	}
	return s, nil
}

// Turn implements [scenario.ClientRig].
func (a *act) Turn(g scenario.Gate) error { return a.stage.proxy.SetMode(modes[g]) }

// knock notes an attempt by the kernel's clock, and tells of those that only the
// kernel sees.
func (s *subject) knock(k sock.Knock) {
	s.mu.Lock()
	s.at = append(s.at, k.At.Sub(s.start))
	s.mu.Unlock()
	detail := fmt.Sprintf("connect from %s", k.From)
	if s.stage.proxy.Mode() != proxy.Refuse {
		return // the proxy tells of it
	}
	s.stage.log.Add(event.Event{Kind: event.Refuse, Side: event.Client, Detail: detail})
}

// Attempts implements [scenario.Subject].
func (s *subject) Attempts() scenario.Attempts {
	var accepted []time.Duration
	for _, e := range s.stage.log.Events() {
		if e.Kind == event.Accept {
			accepted = append(accepted, e.At)
		}
	}
	if s.knocks == nil {
		return scenario.Attempts{At: accepted, Accepted: len(accepted)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return scenario.Attempts{At: slices.Clone(s.at), Exact: true, Accepted: len(accepted)}
}

// Watch implements [scenario.Subject].
func (s *subject) Watch(ctx context.Context, longest time.Duration, enough func(scenario.Attempts) bool) (scenario.Watched, error) {
	if longest == 0 {
		longest = s.stage.kase.Patience()
	}
	limit, stop := wait{budget: longest, pids: s.process.Tree, moved: s.stage.log.Len}.begin(ctx)
	defer stop()
	seen, cancel := context.WithCancel(limit)
	defer cancel()
	done := make(chan bool, 1)
	go func() { done <- s.awaitEnough(seen, cancel, enough) }()
	exit, err := s.process.Wait(seen)
	cancel()
	w := scenario.Watched{Run: scenario.Run{Exit: exit, Elapsed: time.Since(s.start)}}
	w.Enough = <-done && err != nil
	w.Attempts = s.Attempts()
	if err != nil && ctx.Err() != nil {
		return w, fmt.Errorf("client: %w", ctx.Err())
	}
	if err != nil && !w.Enough {
		w.HungUp = true
		w.Spins, w.Stuck = verdict(context.Cause(limit))
	}
	w.Stderr = s.process.Stderr().Tail()
	w.Stdout, err = output(s.process)
	return w, err
}

// glimpse is how often the attempts are counted: the log's events come one by
// one with each of them, but not where the proxy has none.
const glimpse = 5 * time.Millisecond

// awaitEnough reports whether enough was true before the context ended, and
// ends it then.
func (s *subject) awaitEnough(ctx context.Context, end func(), enough func(scenario.Attempts) bool) bool {
	ticker := time.NewTicker(glimpse)
	defer ticker.Stop()
	for {
		if enough != nil && enough(s.Attempts()) {
			end()
			return true
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
}

// Usage implements [scenario.Subject].
func (s *subject) Usage() (probe.Usage, error) { return probe.Measure(s.process.Near()) }

// Close implements [scenario.Subject].
func (s *subject) Close() {
	s.process.Kill()
	s.process.Close()
	s.deafen()
}

func (s *subject) deafen() {
	if s.knocks != nil {
		s.knocks.Close()
	}
}
