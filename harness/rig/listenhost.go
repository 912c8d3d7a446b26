package rig

import (
	"context"
	"fmt"
	"net"

	"github.com/sockharness/harness/harness/scenario"
)

// checkListenHost returns an error that wraps [scenario.ErrUnsupported] where this machine
// does not have the address at which the target wants its client's server.
func (b *Testbed) checkListenHost(ctx context.Context) error {
	if b.target.Server.Listen == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", b.programs.listenHost())
	if err != nil {
		return fmt.Errorf("%w: this machine does not have the address %s: %w", scenario.ErrUnsupported, b.target.Server.Listen, err)
	}
	return l.Close()
}
