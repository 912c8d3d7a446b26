package api

import (
	"context"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// windows are what a list of toxics wants of the sockets of a proxy, by the
// direction in which these receive. A connection has its windows from the start.
type windows [2]hook.SocketLimits

func windowsOf(list []toxic) (w windows) {
	for _, t := range list {
		w[t.made.Direction] = w[t.made.Direction].Smaller(t.made.Window)
	}
	return w
}

// resizeWindows gives the proxy the windows that its toxics want, for new connections.
func (d *Daemon) resizeWindows(ctx context.Context, m *managedProxy) error {
	if !m.needsResize() {
		return nil
	}
	release, err := d.claimName(ctx, m.name)
	if err != nil {
		return err
	}
	defer release()
	return m.applyWindows()
}

// applyWindows gives what runs the windows that its toxics want. Where the system cannot
// do that to a port that listens, the proxy is started again, and its
// connections end. The name must be claimed.
func (m *managedProxy) applyWindows() error {
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
	m.stopEngine()
	return m.startEngine()
}

// needsResize reports whether the proxy runs with windows that are not wanted.
func (m *managedProxy) needsResize() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running != nil && m.windows != windowsOf(m.toxics)
}
