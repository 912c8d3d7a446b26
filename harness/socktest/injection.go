package socktest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sockharness/harness/harness/proxy"
)

// An Injection is a fault at work in the connections of a proxy. Its methods are safe
// for concurrent use.
type Injection struct {
	proxy  *Proxy
	name   string
	fault  Fault
	toxics []proxy.Toxic
	maybe  atomic.Bool
}

// Inject puts the fault into the connections of the proxy, those that are open and
// those to come, behind those injected before. Every byte that the proxy reads after
// Inject has returned is subject to it.
//
// An injection that has struck no connection when the test ends fails the test,
// because the test has then proved nothing. See [Injection.Maybe].
func (p *Proxy) Inject(f Fault) *Injection {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.addInjectionLocked(f, true)
	if err == nil {
		err = p.running.SetToxics(p.toxicsLocked())
	}
	if err != nil {
		p.tb.Fatalf("socktest: inject: %v", err)
	}
	return p.injections[len(p.injections)-1]
}

// Injections returns all injections, those that were removed included.
func (p *Proxy) Injections() []*Injection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.injections)
}

// addInjectionLocked makes an injection of the fault, whose name tells it from others.
func (p *Proxy) addInjectionLocked(f Fault, listening bool) (err error) {
	i := &Injection{proxy: p, fault: f, name: fmt.Sprintf("#%d %v", len(p.injections)+1, f)}
	if i.toxics, err = f.toxic(i.name, listening); err != nil {
		return err
	}
	p.injections, p.active = append(p.injections, i), append(p.active, i)
	return nil
}

// toxicsLocked returns the toxics of the active injections.
func (p *Proxy) toxicsLocked() (list []proxy.Toxic) {
	for _, i := range p.active {
		list = append(list, i.toxics...)
	}
	return list
}

// Remove takes the fault out of all connections. What it holds back flows on. It may
// be called more than once.
func (i *Injection) Remove() {
	p := i.proxy
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, other := range p.active {
		if other == i {
			p.active = slices.Delete(p.active, at, at+1)
			if err := p.running.SetToxics(p.toxicsLocked()); err != nil && !p.closed {
				p.tb.Errorf("socktest: remove: %v", err)
			}
			return
		}
	}
}

// Hits returns how many connections the fault has struck: on how many its effect has
// happened.
func (i *Injection) Hits() int { return len(i.struck()) }

// struck returns the numbers of the connections that were struck, in that order.
func (i *Injection) struck() []uint64 {
	r := i.proxy.record
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.strikes[i.name])
}

// Maybe lets the test pass although the fault has not struck. It returns the
// injection.
func (i *Injection) Maybe() *Injection {
	i.maybe.Store(true)
	return i
}

// String returns the fault and what it has struck.
func (i *Injection) String() string {
	if hits := i.Hits(); hits != 1 {
		return fmt.Sprintf("%v (struck %d connections)", i.fault, hits)
	}
	return fmt.Sprintf("%v (struck 1 connection)", i.fault)
}

// Why tells why the fault has not struck: what its connections were like. It is ""
// when it has.
func (i *Injection) Why() string {
	if i.Hits() > 0 {
		return ""
	}
	r := i.proxy.record
	r.mu.Lock()
	why := r.cannot[i.name]
	r.mu.Unlock()
	if why != "" {
		return "it cannot strike here: " + why
	}
	conns := i.proxy.Conns()
	if len(conns) == 0 {
		return "no client has connected to the proxy"
	}
	const most = 3
	var lines []string
	for _, c := range conns[:min(most, len(conns))] {
		lines = append(lines, c.String())
	}
	if more := len(conns) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more connections", more))
	}
	return strings.Join(lines, "\n")
}
