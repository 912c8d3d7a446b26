package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// An OutageKind is the name of an [Outage].
type OutageKind string

// The kinds of outage.
const (
	// Partition: nothing arrives in a direction, or in both, on the connections that are
	// open, and no connect is answered. What was sent arrives when it is over.
	Partition OutageKind = "partition"
	// RefuseNew: connects are refused, and the connections that are open live on.
	RefuseNew OutageKind = "refuse_new"
	// Fail: the next connections fail, the first of them or all of a time. Those that are
	// open live on.
	Fail OutageKind = "fail"
)

// A Failing says how new connections fail.
type Failing string

// The ways to fail.
const (
	FailByReset     Failing = "reset"     // connect succeeds, then the connection is reset
	FailByClose     Failing = "close"     // connect succeeds, then both sides get FIN
	FailByRefuse    Failing = "refuse"    // ECONNREFUSED: of all connects for a time, since a port cannot refuse one alone
	FailByBlackHole Failing = "blackhole" // no answer: the same
)

// An Outage is a disturbance of a whole proxy that has a name and passes. It comes on top
// of the mode and the toxics that the proxy has.
type Outage struct {
	Kind     OutageKind       // what happens to the proxy
	OneSided *event.Direction // of Partition: the only direction in which nothing arrives; nil: both
	How      Failing          // of Fail; "": FailByReset
	First    uint64           // of Fail: how many of the next connections; 0: all
	For      time.Duration    // it is over after that; 0: when Heal is called, or First have failed
}

// check finds what is wrong with the outage.
func (o Outage) check() error {
	switch {
	case !slices.Contains([]OutageKind{Partition, RefuseNew, Fail}, o.Kind):
		return fmt.Errorf("outage must be partition, refuse_new or fail, got %q", o.Kind)
	case o.For < 0:
		return fmt.Errorf("for must be at least 0, got %v", o.For)
	case o.Kind != Partition && o.OneSided != nil:
		return fmt.Errorf("only a partition has a direction, not %s", o.Kind)
	case o.Kind != Fail && (o.First > 0 || o.How != ""):
		return fmt.Errorf("first and how say what fails, and nothing of %s", o.Kind)
	case o.Kind != Fail:
		return nil
	case !slices.Contains([]Failing{"", FailByReset, FailByClose, FailByRefuse, FailByBlackHole}, o.How):
		return fmt.Errorf("how must be reset, close, refuse or blackhole, got %q", o.How)
	case o.First > 0 && (o.How == FailByRefuse || o.How == FailByBlackHole):
		return fmt.Errorf("a port cannot %s some connects alone: give for instead of first, or how reset or close", o.How)
	case o.First == 0 && o.For == 0:
		return errors.New("fail needs first, for, or both")
	}
	return nil
}

// mode returns what the port does meanwhile; Accept: what it does anyway.
func (o Outage) mode() Mode {
	switch {
	case o.Kind == RefuseNew, o.How == FailByRefuse:
		return Refuse
	case o.Kind == Partition, o.How == FailByBlackHole:
		return BlackHole
	}
	return Accept
}

// faults returns what the connections have meanwhile. Served is how many there were.
func (o Outage) faults(served uint64) (list []Toxic) {
	var specs []spec.Spec
	switch {
	case o.Kind == Partition:
		for _, d := range []event.Direction{event.Upstream, event.Downstream} {
			if o.OneSided == nil || *o.OneSided == d {
				specs = append(specs, spec.Spec{Name: "partition_" + d.String(), Type: "stall", Direction: d})
			}
		}
	case o.Kind == Fail && o.mode() == Accept:
		ending := map[Failing]string{FailByClose: "fin"}[o.How]
		specs = append(specs, spec.Spec{Name: "fail", Type: "limit_time", Direction: event.Downstream, Connection: 1, LastConnection: cmp.Or(o.First, 1<<62),
			Attributes: map[string]any{"ending": cmp.Or(ending, "reset")}})
	}
	for _, s := range specs {
		t, _ := toxics.MakeToxic(s) // it is always valid
		list = append(list, FromToxic(t)...)
	}
	for i := range list {
		list[i].After = served
	}
	return list
}

// String says in words what the outage is.
func (o Outage) String() string {
	text := string(o.Kind)
	if o.OneSided != nil {
		text += " " + o.OneSided.String()
	}
	if o.First > 0 {
		text += fmt.Sprintf(", the next %s", plural.Count(o.First, "connection"))
	}
	if o.How != "" {
		text += fmt.Sprintf(", by %s", o.How)
	}
	if o.For > 0 {
		text += fmt.Sprintf(", for %v", o.For)
	}
	return text
}

// An outageState is the outage of a proxy. The proxy's mutex guards it.
type outageState struct {
	now    *Outage // nil: none
	faults []Toxic
	until  uint64 // it is over when so many connections were served; 0: no such end
	timer  *time.Timer
	ends   time.Time // when the timer fires
}

// StartOutage disturbs the whole proxy until the outage is over or [Proxy.Heal] is called, in
// the place of the outage before. The proxy must run. It does not block.
func (p *Proxy) StartOutage(o Outage) error {
	if err := o.check(); err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	if !p.life.IsRunning() {
		return fmt.Errorf("proxy %s: it does not run", p.cfg.Name)
	}
	served := p.Served()
	state := outageState{now: &o, faults: o.faults(served)}
	if o.First > 0 {
		state.until = served + o.First
	}
	return p.setOutage(state)
}

// Heal ends the outage. What it held back arrives. Without an outage it does nothing.
func (p *Proxy) Heal() error { return p.setOutage(outageState{}) }

// Outage returns the outage that there is now: what is left of its time and of its connections.
func (p *Proxy) Outage() (o Outage, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	served := p.cfg.Served + p.next
	if p.outage.now == nil || p.outage.until > 0 && served >= p.outage.until {
		return Outage{}, false
	}
	o = *p.outage.now
	if o.First > 0 {
		o.First = p.outage.until - served
	}
	if o.For > 0 {
		o.For = max(time.Until(p.outage.ends), time.Millisecond)
	}
	return o, true
}

// setOutage replaces the outage, the timer of which is made here.
func (p *Proxy) setOutage(next outageState) error {
	p.editing.Lock()
	defer p.editing.Unlock()
	p.mu.Lock()
	was := p.outage
	if was.timer != nil {
		was.timer.Stop()
	}
	if next.now != nil && next.now.For > 0 {
		mine := next.now
		next.ends = time.Now().Add(next.now.For)
		next.timer = time.AfterFunc(next.now.For, func() { p.healUnlessNew(mine) })
	}
	p.outage = next
	p.mu.Unlock()
	if was.now == nil && next.now == nil {
		return nil
	}
	return p.applyOutage(next)
}

// healUnlessNew ends the outage, unless there is another one by now.
func (p *Proxy) healUnlessNew(mine *Outage) {
	p.mu.Lock()
	still := p.outage.now == mine
	p.mu.Unlock()
	if still && p.ctx.Err() == nil {
		_ = p.Heal()
	}
}

// applyOutage brings the port and the connections to what is wanted now, and tells it.
// Nobody else edits.
func (p *Proxy) applyOutage(o outageState) error {
	detail, mode := "healed", Accept
	if o.now != nil {
		detail, mode = o.now.String(), o.now.mode()
	}
	p.emitEvent(event.Event{Kind: event.OutageSet, Side: event.Proxy, Detail: detail})
	err := p.gate.setOverride(mode)
	p.spreadToxics()
	if err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	return nil
}

// spreadToxics hands all connections the toxics that are wanted. Nobody else edits.
func (p *Proxy) spreadToxics() {
	p.mu.Lock()
	list, open := p.toxicsLocked(), p.openLocked()
	p.mu.Unlock()
	for _, s := range open {
		s.updateChains(list)
	}
	if len(open) > 0 {
		p.shared.loops.recheck(p)
	}
}

// toxicsLocked returns the toxics of the proxy and those of its outage.
func (p *Proxy) toxicsLocked() []Toxic {
	if len(p.outage.faults) == 0 {
		return p.toxics
	}
	return slices.Concat(p.toxics, p.outage.faults)
}

// stopOutage sees that no outage ends later than the proxy.
func (p *Proxy) stopOutage() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outage.timer != nil {
		p.outage.timer.Stop()
	}
}
