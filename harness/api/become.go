package api

import (
	"errors"
	"net"
	"reflect"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/proxy"
)

// A move is how a proxy gets from what it is to what is wanted. It is prepared
// first, which can fail and changes nothing, and then committed.
type move uint8

const (
	moveNothing  move = iota // it is that already, but for its mode and toxics
	moveStop                 // it is or becomes disabled
	moveTarget               // only the upstreams differ: the port stays
	moveTakeOver             // another proxy takes the port over
	moveBind                 // another proxy has its own port already
	moveRestart              // the port must be free before it can be had again
)

// A change is one proxy on its way to what is wanted. Its name must be claimed.
type change struct {
	member *managedProxy
	want   proxySpec
	toxics []toxic // nil: those that there are
	move   move
	drain  time.Duration // of moveStop: before the end of its connections
	next   engine        // of moveTakeOver, moveBind
}

// An engine is a carrier that may not have been started.
type engine struct {
	proxyEngine
	windows windows
	start   func(from proxyEngine) error
}

// plan says how the member gets to be what is wanted, and has a new port bound if
// there must be one. When it fails, nothing has changed.
func (m *managedProxy) plan(want proxySpec, list []toxic) (*change, error) {
	was, running := m.currentSpec(), m.currentEngine()
	same, err := was.sameListen(want.listen)
	if err != nil {
		return nil, err
	}
	if same {
		want.listen, want.asked = was.listen, was.asked
	}
	c := &change{member: m, want: want, toxics: list}
	if list == nil {
		list = m.initialToxics()
	}
	switch {
	case !want.enabled:
		c.move = moveStop
		_, err = m.build(want, list)
		if unknown := (*net.DNSError)(nil); errors.As(err, &unknown) {
			err = nil // it may be known by the time that the proxy is enabled
		}
		return c, err
	case running == nil:
		c.move = moveBind
	case same && was.equal(want):
		c.move = moveNothing
		return c, nil
	case same && was.equalBut(want) && !want.isDatagrams():
		c.move = moveTarget
		return c, nil
	case !same:
		c.move = moveBind
	case want.isDatagrams():
		c.move = moveRestart
		return c, nil
	default:
		c.move = moveTakeOver
	}
	if c.next, err = m.build(want, list); err != nil || c.move == moveTakeOver {
		return c, err
	}
	err = c.next.start(nil)
	if running != nil && errors.Is(err, syscall.EADDRINUSE) && overlap(was.listen, want.listen) {
		c.move, err = moveRestart, nil
	}
	return c, err
}

// abandon undoes a plan.
func (c *change) abandon() {
	if c.move == moveBind {
		_ = c.next.CloseWithin(0)
	}
}

// commit does what was planned. What runs now has the toxics that are wanted.
func (c *change) commit() error {
	m := c.member
	switch c.move {
	case moveNothing:
		return c.settle()
	case moveStop:
		m.stopWithin(c.drain)
		m.set(c.want, c.toxics)
		return nil
	case moveTarget:
		m.set(c.want, c.toxics)
		p := m.currentEngine().(streams)
		p.SetUpstream(c.want.upstream, c.want.others()...)
		p.EndConnections(proxy.TerminateClose, nil)
		return c.settle()
	case moveTakeOver:
		if err := c.next.start(m.currentEngine()); err != nil {
			return err
		}
	case moveRestart:
		return m.restart(c.want, c.toxics)
	}
	m.useEngine(c.next.proxyEngine, c.next.windows, c.want, c.toxics)
	return nil
}

// settle gives what runs on the mode and the toxics that are wanted.
func (c *change) settle() error {
	if c.member.currentSpec().transport.Framing != c.want.transport.Framing {
		c.member.set(c.want, nil)
	}
	if c.toxics != nil {
		if err := c.member.editToxics(func([]toxic) ([]toxic, error) { return c.toxics, nil }); err != nil {
			return err
		}
		if err := c.member.applyWindows(); err != nil {
			return err
		}
	}
	return c.member.setMode(c.want.mode)
}

// restart stops what runs before it starts what is wanted, on the same port. When
// that fails, what was there is started again; its connections are over.
func (m *managedProxy) restart(want proxySpec, list []toxic) error {
	was, before := m.currentSpec(), m.initialToxics()
	m.stopEngine()
	m.set(want, list)
	err := m.startEngine()
	if err != nil {
		was.enabled = false
		m.set(was, before)
		err = errors.Join(err, m.startEngine())
	}
	return err
}

// become plans and commits.
func (m *managedProxy) become(want proxySpec, list []toxic, drain time.Duration) error {
	c, err := m.plan(want, list)
	if err != nil {
		return err
	}
	c.drain = drain
	return c.commit()
}

// set notes what is wanted of a proxy that does not run, or of one that is told the
// rest in another way. Toxics that are nil stay.
func (m *managedProxy) set(want proxySpec, list []toxic) {
	m.editing.Lock()
	defer m.editing.Unlock()
	m.mu.Lock()
	tell := m.setLocked(want, list)
	m.mu.Unlock()
	tell()
}

// setLocked returns what tells of the change, once the mutex is released.
func (m *managedProxy) setLocked(want proxySpec, list []toxic) (tell func()) {
	was, before := m.wish, m.toxics
	want.enabled = m.running != nil
	m.wish = want
	if list != nil {
		m.toxics = list
	}
	now, after := m.wish, m.toxics
	if !m.announced {
		return func() {}
	}
	return func() {
		m.announceSpec(was, now)
		m.announceToxics(before, after)
	}
}

// equal reports whether two wishes for the same address are the same but for the mode.
func (w proxySpec) equal(other proxySpec) bool {
	return w.equalBut(other) && w.target().equal(other.target())
}

// equalBut reports whether two wishes for the same address are the same but for the
// mode, the framing and the upstreams.
func (w proxySpec) equalBut(other proxySpec) bool {
	a, b := w.transport, other.transport
	a.Upstreams, b.Upstreams = nil, nil
	a.Framing, b.Framing = "", "" // of toxics to come
	return sameSeed(w.seed, other.seed) && a.isEqual(b)
}

// A target is where connections go.
type target []string

func (w proxySpec) target() target { return append(target{w.upstream}, w.others()...) }

func (t target) equal(other target) bool { return reflect.DeepEqual(t, other) }

// others returns the upstreams beside the first one.
func (w proxySpec) others() []string {
	if len(w.transport.Upstreams) > 1 {
		return w.transport.Upstreams[1:]
	}
	return nil
}

// overlap reports whether two addresses may be of one port.
func overlap(a, b string) bool {
	x, errA := portNumber(a)
	y, errB := portNumber(b)
	return errA == nil && errB == nil && x == y
}

// build makes what is wanted, and starts nothing. It finds what cannot be.
func (m *managedProxy) build(w proxySpec, list []toxic) (engine, error) {
	if w.isDatagrams() {
		return m.buildDatagrams(w, list)
	}
	return m.buildStreams(w, list)
}

// startEngine enables the proxy, if it is not. The name must be claimed.
func (m *managedProxy) startEngine() error {
	if m.currentEngine() != nil {
		return nil
	}
	w, list := m.currentSpec(), m.initialToxics()
	e, err := m.build(w, list)
	if err != nil {
		return err
	}
	if err := e.start(nil); err != nil {
		return err
	}
	m.useEngine(e.proxyEngine, e.windows, w, nil)
	return nil
}

// useEngine makes p what runs, with the toxics that are wanted by now, and closes what ran
// before.
func (m *managedProxy) useEngine(p proxyEngine, w windows, want proxySpec, list []toxic) {
	m.dispose(m.install(p, w, want, list))
}

// install is run without the end of what ran before, which it returns.
func (m *managedProxy) install(p proxyEngine, w windows, want proxySpec, list []toxic) (before proxyEngine) {
	m.editing.Lock()
	defer m.editing.Unlock()
	m.mu.Lock()
	before = m.running
	m.running, m.windows = p, w
	want.listen = p.listenAddr()
	tell := m.setLocked(want, list)
	labels := labels{m.name, m.wish.listen, m.wish.upstream}
	list = m.toxics
	m.mu.Unlock()
	tell()
	m.daemon.meter.trackProxy(p, labels)
	m.applyTo(p, list)
	carryOutage(before, p)
	return before
}
