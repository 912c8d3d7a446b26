package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sock"
)

// AwaitRead implements [scenario.Rig].
func (a *act) AwaitRead(ctx context.Context, conn sock.Conn, n int) error {
	diag, server, client, err := question(conn)
	if err != nil {
		return err
	}
	defer diag.Close()
	if err := diag.AwaitConsumed(ctx, server, client, uint64(n)); err != nil {
		return fmt.Errorf("%d bytes sent and not read by the server: %w", n, err)
	}
	return nil
}

// ended waits for a process of the server to end. It returns sooner, with a
// *stuckError, when all of them are proven to wait for ever.
func (a *act) ended(ctx context.Context, process *peer.Process) (peer.Exit, error) {
	w := wait{budget: time.Hour, pids: process.Tree, prover: a.stage.play.runner.prover}
	began := time.Now()
	seen, since := a.stage.log.Len(), began
	w.idle = func() bool {
		if n := a.stage.log.Len(); n != seen {
			seen, since = n, time.Now()
		}
		return time.Since(since) >= settled
	}
	limit, stop := w.begin(ctx)
	defer stop()
	exit, err := process.Wait(limit)
	if err != nil {
		err = fmt.Errorf("after %s the server had not ended: %w", time.Since(began).Round(time.Millisecond), err)
	}
	return exit, err
}
