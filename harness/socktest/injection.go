package socktest

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/proxy"
)

// An Injection is a fault at work in a [Proxy] or a [PacketProxy]. Its methods are safe
// for concurrent use.
type Injection struct {
	set   *injectionSet
	name  string
	fault Fault
	where string // a line that says where the test injects it; "": not known
	maybe atomic.Bool

	toxics []proxy.Toxic  // of a Proxy
	packet datagram.Toxic // of a PacketProxy
}

// An injectionSet is what was injected into one proxy.
type injectionSet struct {
	tb      testing.TB
	record  *record
	build   func(i *Injection) error           // makes what runs in the proxy
	apply   func(active []*Injection) error    // has the proxy run these and no others
	connect func() (what string, all []string) // what kind of clients it has, and what became of each

	missed atomic.Bool // the test fails because of it

	mu     sync.Mutex // guards what follows
	all    []*Injection
	active []*Injection // those not removed, in order
	closed bool
}

// addFault makes an injection of the fault, whose name tells it from others. It is not
// at work before apply.
func (s *injectionSet) addFault(f Fault) error {
	i := &Injection{set: s, fault: f, name: fmt.Sprintf("#%d %v", len(s.all)+1, f)}
	if f.err != nil {
		return f.err
	}
	if err := s.build(i); err != nil {
		return err
	}
	s.all, s.active = append(s.all, i), append(s.active, i)
	return nil
}

// callerOfInject returns the line for an injection's where.
func callerOfInject() string {
	const skipped = 3 // this function, inject, and Inject of the proxy
	if _, file, line, ok := runtime.Caller(skipped); ok {
		return fmt.Sprintf("\nit was injected at %s:%d", filepath.Base(file), line)
	}
	return ""
}

// inject puts a fault to work, or fails the test.
func (s *injectionSet) inject(f Fault) *Injection {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.addFault(f)
	if err == nil {
		err = s.apply(s.active)
	}
	if err != nil {
		s.tb.Fatalf("socktest: inject: %v", err)
	}
	i := s.all[len(s.all)-1]
	i.where = callerOfInject()
	return i
}

func (s *injectionSet) list() []*Injection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// unstruck returns the injections that should have struck.
func (s *injectionSet) unstruck() (list []*Injection) {
	for _, i := range s.list() {
		if i.Hits() == 0 && !i.maybe.Load() {
			list = append(list, i)
		}
	}
	return list
}

// close says that the proxy is to be closed, and returns whether it was before.
func (s *injectionSet) close() (before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.closed
	s.closed = true
	return before
}

// checkStrikes fails the test if an injection never struck, and says so of all at once:
// Ginkgo's Errorf does not return. A test that has failed, or was skipped, need not prove
// anything.
func (s *injectionSet) checkStrikes() {
	s.tb.Helper()
	if s.tb.Failed() || s.tb.Skipped() {
		return
	}
	var lines []string
	for _, i := range s.unstruck() {
		lines = append(lines, fmt.Sprintf("socktest: the injection %v never struck, so that the test proves nothing (if it may miss, call Maybe on it)\n%s%s", i.fault, i.Why(), i.where))
	}
	if len(lines) > 0 {
		s.missed.Store(true)
		s.tb.Errorf("%s", strings.Join(lines, "\n"))
	}
}

// failed reports whether the test has failed: Ginkgo's says so a while after an error only.
func (s *injectionSet) failed() bool { return s.missed.Load() || s.tb.Failed() }

// Inject puts the fault into the connections of the proxy, those that are open and
// those to come, behind those injected before. Every byte that the proxy reads after
// Inject has returned is subject to it.
//
// An injection that has struck no connection when the test ends fails the test,
// because the test has then proved nothing. See [Injection.Maybe].
func (p *Proxy) Inject(f Fault) *Injection {
	p.tb.Helper()
	return p.faults.inject(f)
}

// Injections returns all injections, those that were removed included.
func (p *Proxy) Injections() []*Injection { return p.faults.list() }

// Remove takes the fault out of all connections. What it holds back flows on. It may
// be called more than once.
func (i *Injection) Remove() {
	s := i.set
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.active, i)
	if at < 0 {
		return
	}
	s.active = slices.Delete(s.active, at, at+1)
	if err := s.apply(s.active); err != nil && !s.closed {
		s.tb.Errorf("socktest: remove: %v", err)
	}
}

// Hits returns how many connections the fault has struck: on how many its effect has
// happened. In a [PacketProxy] it is how many datagrams; [Latency] and [Bandwidth] count
// once for each client.
func (i *Injection) Hits() int { return i.set.record.hits(i.name) }

// Wait blocks until the fault has struck, or returns the cause of the context's end with
// why it has not: for faults that no peer can see, such as a stall.
func (i *Injection) Wait(ctx context.Context) error {
	if err := i.set.record.await(ctx, func() bool { return i.Hits() > 0 }); err != nil {
		return fmt.Errorf("wait for %v: %w\n%s", i.fault, err, i.Why())
	}
	return nil
}

// Maybe lets the test pass although the fault has not struck. It returns the
// injection.
func (i *Injection) Maybe() *Injection {
	i.maybe.Store(true)
	return i
}

// String returns the fault and what it has struck.
func (i *Injection) String() string {
	what, _ := i.set.connect()
	if hits := i.Hits(); hits != 1 {
		return fmt.Sprintf("%v (struck %d %ss)", i.fault, hits, what)
	}
	return fmt.Sprintf("%v (struck 1 %s)", i.fault, what)
}

// Why tells why the fault has not struck: what its connections were like. It is ""
// when it has.
func (i *Injection) Why() string {
	if i.Hits() > 0 {
		return ""
	}
	if why := i.set.record.whyNot(i.name); why != "" {
		return "it cannot strike here: " + why
	}
	_, conns := i.set.connect()
	if len(conns) == 0 {
		return "no client has connected to the proxy"
	}
	const most = 3
	lines := conns[:min(most, len(conns))]
	if more := len(conns) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %s", plural.Count(more, "more connection")))
	}
	return strings.Join(lines, "\n")
}
