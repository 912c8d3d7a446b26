package peer

import (
	"context"
	"errors"
	"net/netip"
)

// StartDatagramServer starts the command as a server of UDP and blocks until its port is
// taken, where the system tells. It returns where the server is reached. When the command
// asks for {port} and v names none, a free one is picked, and the start is tried again
// when a stranger took it first; a command that does not ask is found by the socket that
// it opens. The caller must end the process with [Process.Close]. Errors are of type
// *[Error]; after one nothing is left.
func (c Command) StartDatagramServer(ctx context.Context, v Vars) (*Process, netip.AddrPort, error) {
	if v.Port != "" || !c.TakesPort() {
		return c.startDatagrams(ctx, v)
	}
	for try := 1; ; try++ {
		free, err := freeUDPAddr()
		if err != nil {
			return nil, free, &Error{Op: "server", Command: c, Err: err}
		}
		vars := VarsAt(free.String())
		vars.Tmp, vars.Scenario = v.Tmp, v.Scenario
		process, at, err := c.startDatagrams(ctx, vars)
		if err == nil || try == portTries || !errors.Is(err, errEndedEarly) {
			return process, at, err
		}
	}
}

// startDatagrams starts the server on the port of v, or on the one that it chooses.
func (c Command) startDatagrams(ctx context.Context, v Vars) (*Process, netip.AddrPort, error) {
	var want netip.AddrPort
	if v.Addr != "" {
		var err error
		if want, err = netip.ParseAddrPort(v.Addr); err != nil {
			return nil, want, &Error{Op: "server", Command: c, Err: err}
		}
	}
	c.Ready.NoListen = true
	process, err := c.StartServer(ctx, v)
	if err != nil {
		return nil, want, err
	}
	limited, cancel := context.WithTimeout(ctx, busyStartLimit*c.startTimeout())
	defer cancel()
	at, err := awaitUDPSocket(limited, process, want.Port())
	if err != nil {
		process.Close()
		return nil, want, &Error{Op: "server", Command: c, Err: err}
	}
	return process, at, nil
}
