package runner

import (
	"context"
	"net"
	"syscall"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

// DialWindow implements [scenario.Rig].
func (a *act) DialWindow(ctx context.Context, w wire.Window) (sock.Conn, error) {
	_, address := a.bench().process()
	return dialWindow(ctx, address, w)
}

// Listeners implements [scenario.Rig].
func (a *act) Listeners() ([]sock.Listener, error) { return a.bench().listeners() }

// Exhausted implements [scenario.Rig].
func (a *act) Exhausted() (bool, error) {
	if process, _ := a.bench().process(); process == nil {
		return false, errNotOurs
	}
	for _, pid := range a.bench().tree() {
		full, err := exhausted(pid)
		if probe.Vanished(err) {
			continue
		}
		if full || err != nil {
			return full, err
		}
	}
	return false, nil
}

// dialWindow connects with a window that is in place before the first segment.
func dialWindow(ctx context.Context, address string, w wire.Window) (sock.Conn, error) {
	return dialBy(ctx, &net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
		return sock.Shape(network, address, c, w)
	}}, address)
}
