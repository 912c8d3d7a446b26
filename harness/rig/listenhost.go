package rig

import (
	"cmp"
	"context"
	"fmt"
	"net"

	"github.com/sockharness/harness/harness/scenario"
)

// listenHost is where the proxies of the target listen on TCP and UDP, on a free port.
func (b *Testbed) listenHost() string {
	return net.JoinHostPort(cmp.Or(b.target.Server.Listen, "127.0.0.1"), "0")
}

// listenAddress returns a free address for a proxy before the target's server.
func (b *Testbed) listenAddress() (string, error) {
	if b.transport() == scenario.Unix {
		return b.config.Shared.book.listenAddress(scenario.Unix)
	}
	return b.listenHost(), nil
}

// checkListenHost returns an error that wraps [scenario.ErrUnsupported] where this machine
// does not have the address at which the target wants its client's server.
func (b *Testbed) checkListenHost(ctx context.Context) error {
	if b.target.Server.Listen == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", b.listenHost())
	if err != nil {
		return fmt.Errorf("%w: this machine does not have the address %s: %w", scenario.ErrUnsupported, b.target.Server.Listen, err)
	}
	return l.Close()
}
