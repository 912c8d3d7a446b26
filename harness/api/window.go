package api

import (
	"context"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/wire"
)

// windows are what a list of toxics wants of the sockets of a proxy, by the
// direction in which these receive. A connection has its windows from the start.
type windows [2]wire.Window

func windowsOf(list []toxic) (w windows) {
	for _, t := range list {
		w[t.made.Direction] = merge(w[t.made.Direction], t.made.Window)
	}
	return w
}

// resize gives the proxy the windows that its toxics want, for new connections.
func (d *Daemon) resize(ctx context.Context, m *member) error {
	if !m.outgrown() {
		return nil
	}
	release, err := d.claim(ctx, m.name)
	if err != nil {
		return err
	}
	defer release()
	return m.refit()
}

// refit gives what runs the windows that its toxics want. Where the system cannot
// do that to a port that listens, the proxy is started again, and its
// connections end. The name must be claimed.
func (m *member) refit() error {
	m.mu.Lock()
	running, want := m.running, windowsOf(m.toxics)
	same := m.windows == want
	m.mu.Unlock()
	p, ok := running.(streams)
	if !ok || same {
		return nil
	}
	if p.SetWindows(want[event.Upstream], want[event.Downstream]) == nil {
		m.mu.Lock()
		m.windows = want
		m.mu.Unlock()
		return nil
	}
	m.stop()
	return m.start()
}

// outgrown reports whether the proxy runs with windows that are not wanted.
func (m *member) outgrown() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running != nil && m.windows != windowsOf(m.toxics)
}

// merge returns the smaller of two windows, field by field.
func merge(a, b wire.Window) wire.Window {
	return wire.Window{ReceiveBuffer: smaller(a.ReceiveBuffer, b.ReceiveBuffer), SegmentSize: smaller(a.SegmentSize, b.SegmentSize)}
}

// smaller ignores zero, which leaves the system's default.
func smaller(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
