package rig

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
	"github.com/sockharness/harness/toxics/spec"
)

// ServerAddr implements [scenario.ScriptRig].
func (a *rig) ServerAddr() string {
	if a.setup.listener != nil {
		return listenerAddress(a.setup.listener)
	}
	_, address := a.setup.testbed.ServerProcess()
	return address
}

// ProxyAddr implements [scenario.ScriptRig].
func (a *rig) ProxyAddr() string { return a.setup.proxyAddress() }

var errNoListener = errors.New("the variant has no listener")

// Accept implements [scenario.ScriptRig].
func (a *rig) Accept(ctx context.Context) (sock.Conn, error) {
	l := a.setup.listener
	if l == nil {
		return nil, errNoListener
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := l.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := l.Accept()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, context.DeadlineExceeded // the context is about to say so
	}
	if err != nil {
		return nil, err
	}
	if a.setup.wire && a.setup.testbed.before != nil {
		return tlsconn.WithOpening(conn.(sock.Conn), a.setup.testbed.sayBefore(event.Server)), nil
	}
	return conn.(sock.Conn), nil
}

// SetFaults implements [scenario.ScriptRig].
func (a *rig) SetFaults(faults []spec.Spec) error {
	if a.setup.datagrams != nil {
		list, err := datagram.MakeToxics(faults)
		if err != nil {
			return err
		}
		return a.setup.datagrams.SetToxics(list)
	}
	var c proxy.Config
	if err := addFaults(&c, faults); err != nil {
		return err
	}
	return a.setup.proxy.SetToxics(c.Toxics)
}

// AwaitEvent implements [scenario.ScriptRig].
func (a *rig) AwaitEvent(ctx context.Context, match func(event.Event) bool) (event.Event, error) {
	return a.setup.log.WaitEvent(ctx, match)
}

// Events implements [scenario.ScriptRig].
func (a *rig) Events() []event.Event { return a.setup.log.AllEvents() }
