package api

import (
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
)

// stopPatience is how long a request waits for the connections of a proxy that
// it stops. The port is free at once, and new connections are; a peer that does
// not read only delays the end of its own connection, beyond the request.
const stopPatience = time.Second

// A proxySpec is what a client has asked a proxy to be.
type proxySpec struct {
	listen   string // as asked for, or as the system resolved it
	asked    string // as asked for
	upstream string
	enabled  bool
	mode     proxy.Mode
	seed     *int64 // nil: the daemon's
	transport
}

// A managedProxy is one proxy of the daemon, enabled or not.
type managedProxy struct {
	daemon *Daemon
	name   string

	records atomic.Bool // new connections are recorded

	editing sync.Mutex // held while toxics change, so that what runs agrees with them

	mu      sync.Mutex // guards what follows; never held during I/O
	wish    proxySpec
	toxics  []toxic     // in order of creation
	running proxyEngine // nil unless enabled
	windows windows     // of what runs
	gone    bool        // deleted or replaced

	announced bool // an event has told of it
	hadToxics bool // when somebody asked for metrics

	served uint64 // connections of what has run before, see [proxy.Config.Served]

	ending *sync.WaitGroup // what ran under its name and is being closed
}

func newMember(d *Daemon, name string, w proxySpec, list []toxic) *managedProxy {
	w.enabled = false
	return &managedProxy{daemon: d, name: name, wish: w, toxics: list, ending: &sync.WaitGroup{}}
}

func (m *managedProxy) currentSpec() proxySpec {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wish
}

func (m *managedProxy) currentEngine() proxyEngine {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

// seedSource is that of everything random on the proxy.
func (m *managedProxy) seedSource(w proxySpec) seed.Source {
	if w.seed != nil {
		return seed.New(*w.seed)
	}
	return m.daemon.chance.SplitBy(m.name)
}

// count returns how many connections there were so far.
func (m *managedProxy) count() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running != nil {
		return m.running.Served()
	}
	return m.served
}

// stopEngine disables the proxy, if it is not, and ends its connections by FIN. The
// name must be claimed.
func (m *managedProxy) stopEngine() { m.stopWithin(0) }

// stopWithin is stopEngine after a drain.
func (m *managedProxy) stopWithin(drain time.Duration) {
	over := m.stopAsync(drain)
	if over == nil {
		return
	}
	if drain > 0 {
		patience := time.NewTimer(drain)
		defer patience.Stop()
		select {
		case <-over:
			return
		case <-patience.C:
		}
	}
	m.await(over)
}

// await waits for a while until what was retired is over.
func (m *managedProxy) await(over <-chan struct{}) {
	if over == nil {
		return
	}
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-over:
	case <-patience.C:
	}
}

// stopAsync closes what runs after a drain, which the daemon waits for, and returns a channel that
// is closed when all is over; nil when nothing runs.
func (m *managedProxy) stopAsync(drain time.Duration) (over <-chan struct{}) {
	m.mu.Lock()
	p := m.running
	if p != nil {
		m.served = p.Served()
	}
	was := m.wish
	m.running, m.wish.enabled = nil, false
	now, known := m.wish, m.announced && !m.gone
	m.mu.Unlock()
	if known {
		m.announceSpec(was, now)
	}
	return m.close(p, drain)
}

// dispose closes what ran and waits for it a while.
func (m *managedProxy) dispose(p proxyEngine) { m.await(m.close(p, 0)) }

// close closes what ran, in the background; nil when there was nothing.
func (m *managedProxy) close(p proxyEngine, drain time.Duration) (over <-chan struct{}) {
	if p == nil {
		return nil
	}
	done := make(chan struct{})
	m.ending.Add(1)
	m.daemon.retired.Go(func() {
		defer close(done)
		defer m.ending.Done()
		_ = p.CloseWithin(drain)
		m.daemon.meter.keepTotals(p)
	})
	return done
}

// removeEngine stops the proxy for good, after a drain.
func (m *managedProxy) removeEngine(drain time.Duration) {
	m.editing.Lock()
	m.mu.Lock()
	m.gone = true
	m.mu.Unlock()
	m.editing.Unlock()
	m.stopWithin(drain)
}

// editToxics replaces the toxics by what change makes of them, in the open connections
// too. It waits for none of these.
func (m *managedProxy) editToxics(change func([]toxic) ([]toxic, error)) error {
	m.editing.Lock()
	defer m.editing.Unlock()
	m.mu.Lock()
	list, gone, p := slices.Clone(m.toxics), m.gone, m.running
	m.mu.Unlock()
	if gone {
		return errProxyNotFound
	}
	list, err := change(list)
	if err != nil {
		return err
	}
	m.mu.Lock()
	was, known := m.toxics, m.announced
	m.toxics = list
	m.mu.Unlock()
	if known {
		m.announceToxics(was, list)
	}
	if p != nil {
		m.applyTo(p, list)
	}
	return nil
}

// applyTo hands the toxics to the proxy that runs. It may have been closed
// meanwhile, which is no failure.
func (m *managedProxy) applyTo(p proxyEngine, list []toxic) {
	p.applyToxics(list)
	if mode := effectiveMode(m.currentSpec().mode, list); mode != p.Mode() {
		_ = m.changeMode(p, mode)
	}
}

// changeMode changes what runs, and tells it. Proxies of streams tell it themselves.
func (m *managedProxy) changeMode(p proxyEngine, mode proxy.Mode) error {
	err := p.SetMode(mode)
	if _, ok := p.(streams); !ok && err == nil {
		m.announce(event.Event{Kind: event.ModeSet, Detail: modes[mode]})
	}
	return err
}

// setMode says what becomes of new connections.
func (m *managedProxy) setMode(mode proxy.Mode) error {
	m.editing.Lock()
	defer m.editing.Unlock()
	m.mu.Lock()
	changed := m.wish.mode != mode
	m.wish.mode = mode
	p, list := m.running, m.toxics
	m.mu.Unlock()
	switch {
	case p != nil && p.Mode() != effectiveMode(mode, list):
		return m.changeMode(p, effectiveMode(mode, list))
	case p == nil && changed:
		m.announce(event.Event{Kind: event.ModeSet, Detail: modes[mode]})
	}
	return nil
}

// effectiveMode is the mode that a list of toxics leaves of the one asked for.
func effectiveMode(mode proxy.Mode, list []toxic) proxy.Mode {
	if slices.ContainsFunc(list, func(t toxic) bool { return t.made.Refuse && t.toxicity > 0 }) {
		return proxy.Refuse
	}
	return mode
}

// asProxyToxics returns the toxics as a proxy takes them.
func asProxyToxics(list []toxic) []proxy.Toxic {
	made := make([]proxy.Toxic, 0, len(list))
	for _, t := range list {
		made = append(made, t.asProxyToxics()...)
	}
	return made
}

// formatAddr returns the address that is listened on as Go's net has it.
func formatAddr(a net.Addr) string {
	if at, ok := a.(*net.TCPAddr); ok && at.IP == nil {
		return net.JoinHostPort("::", portOf(at))
	}
	return sock.FormatAddress(a)
}

// bindFailure words the failure of a listen as Go's net does.
func bindFailure(at net.Addr, err error) error {
	var errno syscall.Errno
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return tooManyFiles(at, err)
	}
	if errors.As(err, &errno) {
		return &net.OpError{Op: "listen", Net: at.Network(), Addr: at, Err: os.NewSyscallError("bind", errno)}
	}
	return err
}

// modes are the words of the API for what a proxy does with new connections.
var modes = [...]string{proxy.Accept: "accept", proxy.Refuse: "refuse", proxy.BlackHole: "blackhole"}

func parseMode(word string) (proxy.Mode, error) {
	if i := slices.Index(modes[:], word); i >= 0 {
		return proxy.Mode(i), nil
	}
	return 0, &failure{Message: "bad request body: mode must be accept, refuse or blackhole, got " + excerpt.Quote(word), Status: http.StatusBadRequest}
}
