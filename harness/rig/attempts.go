package rig

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A connectWatch keeps when a client under test tried to connect.
type connectWatch struct {
	stage *variantSetup
	start time.Time
	to    netip.AddrPort // of the proxy
	syns  *sock.SYNWatch // nil: only accepted connects are seen

	mu sync.Mutex // guards at
	at []time.Duration
}

// watchConnects sees every SYN, also those that are refused, if refused is set and the
// system allows that; else the accepted connects only. The caller must stop it.
func watchConnects(s *variantSetup, refused bool) *connectWatch {
	w := &connectWatch{stage: s, start: time.Now()}
	if !refused {
		return w
	}
	addr, err := netip.ParseAddrPort(s.proxyAddress())
	if err != nil {
		return w // no packet tells of a connect to a unix socket
	}
	w.to = addr
	if syns, err := sock.WatchSYN(addr, w.onConnect); err == nil {
		w.syns = syns
	}
	return w
}

// onConnect notes an attempt by the kernel's clock, and logs those that only the
// kernel sees.
func (w *connectWatch) onConnect(k sock.ConnectAttempt) {
	w.mu.Lock()
	w.at = append(w.at, k.At.Sub(w.start))
	w.mu.Unlock()
	if w.stage.proxy.Mode() != proxy.Refuse {
		return // the proxy logs it
	}
	if w.stage.recording != nil {
		w.stage.recording.AddRefusal(k.At, k.From, w.to)
	}
	w.stage.log.AddEvent(event.Event{Kind: event.Refuse, Side: event.Client, Detail: fmt.Sprintf("connect from %s", k.From)})
}

// attempts returns the connects so far, as times since the start of the watch. It has those of
// a client that has ended, however busy the machine is.
func (w *connectWatch) attempts() scenario.Attempts {
	if w.syns != nil {
		w.syns.Drain()
	}
	accepted := acceptTimes(w.stage.log.AllEvents())
	if w.stage.datagrams != nil {
		return scenario.Attempts{At: w.stage.datagramTimes(), Exact: true, Accepted: len(accepted)}
	}
	if w.syns == nil {
		return scenario.Attempts{At: accepted, Accepted: len(accepted)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return scenario.Attempts{At: slices.Clone(w.at), Exact: true, Accepted: len(accepted)}
}

func acceptTimes(events []event.Event) []time.Duration {
	var at []time.Duration
	for _, e := range events {
		if e.Kind == event.Accept {
			at = append(at, e.At)
		}
	}
	return at
}

func (w *connectWatch) stop() {
	if w.syns != nil {
		w.syns.Close()
	}
}

const (
	// maxRetryWait bounds how long a client is waited for that tries again in
	// moderation and declares no limit.
	maxRetryWait = 12 * time.Second
	// retryMargin is how much later than expected its next attempt, or its end, may come.
	retryMargin = time.Second
)

// A retryWait extends the wait for a client for as long as it tries again in
// moderation.
type retryWait struct {
	attempts func() scenario.Attempts
	start    time.Time     // of the attempts' clock
	limit    time.Duration // since start
}

// moreTime returns how much longer to wait: until twice the longest pause after the
// last attempt has passed. Zero: the client does not try again.
func (r retryWait) moreTime() time.Duration {
	a := r.attempts()
	if len(a.At) < 2 || a.TooMany() != nil {
		return 0
	}
	next := a.At[len(a.At)-1] + 2*slices.Max(a.RetryGaps()) + retryMargin
	return min(next, r.limit) - time.Since(r.start)
}

// retryLimit is how long a client that tries again is waited for at most; zero where
// its target declares a limit. A client that has used all of that before, or is
// played to for another scenario's sake, gets no more than its budget.
func (s *variantSetup) retryLimit() time.Duration {
	policies := s.tc.Target.Policies
	switch {
	case policies.AnswerTimeout > 0 || policies.Retries == scenario.RetriesForEver:
		return 0
	case s.testbed.retriesOn.Load() || s.options.NoRetryWait:
		return 0
	}
	return maxRetryWait
}

// noteRetries keeps whether a client was still trying when all its time was over.
func (s *variantSetup) noteRetries(elapsed time.Duration, hungUp bool) {
	if limit := s.retryLimit(); hungUp && limit > 0 && elapsed >= limit {
		s.testbed.retriesOn.Store(true)
	}
}

// endOnStorm returns why a wait for a client ends before its time: the client connects
// without a pause, and will go on.
func endOnStorm(storms func() bool) func() error {
	return func() error {
		if storms() {
			return scenario.ErrStorms
		}
		return nil
	}
}
