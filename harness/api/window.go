package api

import (
	"context"

	"github.com/sockharness/harness/harness/wire"
)

// windows are what a list of toxics wants of the sockets of a proxy, by the
// direction in which these receive. A socket has its window from the start, so
// that it is the proxy which must be started again for another one.
type windows [2]wire.Window

func windowsOf(list []toxic) (w windows) {
	for _, t := range list {
		w[t.made.Direction] = merge(w[t.made.Direction], t.made.Window)
	}
	return w
}

// resize starts the proxy again if its toxics want other windows than those it
// runs with. Its connections end.
func (d *Daemon) resize(ctx context.Context, m *member) error {
	if !m.outgrown() {
		return nil
	}
	release, err := d.claim(ctx, m.name)
	if err != nil {
		return err
	}
	defer release()
	if !m.outgrown() {
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
