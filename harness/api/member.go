package api

import (
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
)

// stopPatience is how long a request waits for the connections of a proxy that
// it stops. The port is free at once, and new connections are; a peer that does
// not read only delays the end of its own connection, beyond the request.
const stopPatience = time.Second

// A wish is what a client has asked a proxy to be.
type wish struct {
	listen   string // as asked for, or as the system resolved it
	upstream string
	enabled  bool
	mode     proxy.Mode
	seed     *int64 // nil: the daemon's
	transport
}

// A member is one proxy of the daemon, enabled or not.
type member struct {
	daemon *Daemon
	name   string

	editing sync.Mutex // held while toxics change, so that what runs agrees with them

	mu      sync.Mutex // guards what follows; never held during I/O
	wish    wish
	toxics  []toxic // in order of creation
	running carrier // nil unless enabled
	windows windows // of what runs
	gone    bool    // deleted or replaced

	ending *sync.WaitGroup // what ran under its name and is being closed
}

func newMember(d *Daemon, name string, w wish, list []toxic) *member {
	w.enabled = false
	return &member{daemon: d, name: name, wish: w, toxics: list, ending: &sync.WaitGroup{}}
}

func (m *member) wanted() wish {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wish
}

func (m *member) proxy() carrier {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

// start enables the proxy, if it is not. The name must be claimed.
func (m *member) start() error {
	if m.proxy() != nil {
		return nil
	}
	m.mu.Lock()
	w, list := m.wish, m.toxics
	m.mu.Unlock()
	if w.datagrams() {
		return m.startDatagrams(w, list)
	}
	return m.startStreams(w, list)
}

// run makes p what runs, with the toxics that are wanted by now.
func (m *member) run(p carrier, w windows) {
	m.editing.Lock()
	defer m.editing.Unlock()
	m.mu.Lock()
	m.running, m.windows, m.wish.enabled = p, w, true
	m.wish.listen = p.listen()
	labels := labels{m.name, m.wish.listen, m.wish.upstream}
	list := m.toxics
	m.mu.Unlock()
	m.daemon.meter.open(p, labels)
	m.apply(p, list)
}

// source is that of everything random on the proxy.
func (m *member) source(w wish) chance.Source {
	if w.seed != nil {
		return chance.New(*w.seed)
	}
	return m.daemon.chance.Split(m.name)
}

// stop disables the proxy, if it is not, and ends its connections by FIN. The
// name must be claimed.
func (m *member) stop() {
	over := m.retire()
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

// retire closes what runs, which the daemon waits for, and returns a channel that
// is closed when all is over; nil when nothing runs.
func (m *member) retire() (over <-chan struct{}) {
	m.mu.Lock()
	p := m.running
	m.running, m.wish.enabled = nil, false
	m.mu.Unlock()
	if p == nil {
		return nil
	}
	done := make(chan struct{})
	m.ending.Add(1)
	m.daemon.retired.Go(func() {
		defer close(done)
		defer m.ending.Done()
		_ = p.Close()
		m.daemon.meter.settle(p)
	})
	return done
}

// leave stops the proxy for good.
func (m *member) leave() {
	m.editing.Lock()
	m.mu.Lock()
	m.gone = true
	m.mu.Unlock()
	m.editing.Unlock()
	m.stop()
}

// edit replaces the toxics by what change makes of them, in the open connections
// too. It waits for none of these.
func (m *member) edit(change func([]toxic) ([]toxic, error)) error {
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
	m.toxics = list
	m.mu.Unlock()
	if p != nil {
		m.apply(p, list)
	}
	return nil
}

// apply hands the toxics to the proxy that runs. It may have been closed
// meanwhile, which is no failure.
func (m *member) apply(p carrier, list []toxic) {
	p.apply(list)
	if mode := effective(m.wanted().mode, list); mode != p.Mode() {
		_ = p.SetMode(mode)
	}
}

// setMode says what becomes of new connections.
func (m *member) setMode(mode proxy.Mode) error {
	m.editing.Lock()
	defer m.editing.Unlock()
	m.mu.Lock()
	m.wish.mode = mode
	p, list := m.running, m.toxics
	m.mu.Unlock()
	if p == nil || p.Mode() == effective(mode, list) {
		return nil
	}
	return p.SetMode(effective(mode, list))
}

// effective is the mode that a list of toxics leaves of the one asked for.
func effective(mode proxy.Mode, list []toxic) proxy.Mode {
	if slices.ContainsFunc(list, func(t toxic) bool { return t.made.Refuse && t.toxicity > 0 }) {
		return proxy.Refuse
	}
	return mode
}

// running returns the toxics as a proxy takes them.
func running(list []toxic) []proxy.Toxic {
	made := make([]proxy.Toxic, 0, len(list))
	for _, t := range list {
		made = append(made, t.running()...)
	}
	return made
}

// address returns the address that is listened on as Go's net has it.
func address(a net.Addr) string {
	if at, ok := a.(*net.TCPAddr); ok && at.IP == nil {
		return net.JoinHostPort("::", portOf(at))
	}
	return sock.FormatAddress(a)
}

// bindFailure words the failure of a listen as Go's net does.
func bindFailure(at net.Addr, err error) error {
	var errno syscall.Errno
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
	return 0, &failure{"bad request body: mode must be accept, refuse or blackhole, got " + quoted(word), http.StatusBadRequest}
}
