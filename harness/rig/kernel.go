package rig

import (
	"context"
	"net"
	"syscall"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// DialWindow implements [scenario.Rig].
func (a *rig) DialWindow(ctx context.Context, w hook.SocketLimits) (sock.Conn, error) {
	_, address := a.setup.testbed.ServerProcess()
	return a.secure(dialWindow(ctx, address, w))
}

// ServerListeners implements [scenario.Rig].
func (a *rig) ServerListeners() ([]sock.Listener, error) {
	_, address := a.setup.testbed.ServerProcess()
	return sock.ListenersAt(address)
}

// DescriptorsExhausted implements [scenario.Rig].
func (a *rig) DescriptorsExhausted() (bool, error) {
	if process, _ := a.setup.testbed.ServerProcess(); process == nil {
		return false, errNotOurs
	}
	for _, pid := range a.setup.testbed.ProcessTree() {
		full, err := descriptorsExhausted(pid)
		if probe.ProcessGone(err) {
			continue
		}
		if full || err != nil {
			return full, err
		}
	}
	return false, nil
}

// dialWindow connects with a window that is in place before the first segment.
func dialWindow(ctx context.Context, address string, w hook.SocketLimits) (sock.Conn, error) {
	return dialServer(ctx, &net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
		return sock.LimitWindow(network, address, c, w)
	}}, address)
}
