package rig

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// AwaitRead implements [scenario.Rig].
func (a *rig) AwaitRead(ctx context.Context, conn sock.Conn, n int) error {
	diag, err := sock.OpenDiag()
	if err != nil {
		return err
	}
	defer diag.Close()
	if err := diag.AwaitFarRead(ctx, conn, uint64(wireBytes(conn, n))); err != nil {
		return fmt.Errorf("%s sent and not read by the server: %w", plural.Count(n, "byte"), err)
	}
	return nil
}

// awaitEnd waits for a process of the server to end. It returns sooner, with a
// *await.StuckError, when all of them are proven to wait forever.
func (a *rig) awaitEnd(ctx context.Context, process *peer.Process) (peer.Exit, error) {
	w := await.Wait{Budget: time.Hour, PIDs: process.ProcessTree, ProofSlot: a.setup.testbed.config.Shared.proofSlot}
	began := time.Now()
	seen, since := a.setup.log.EventCount(), began
	w.Idle = func() bool {
		if n := a.setup.log.EventCount(); n != seen {
			seen, since = n, time.Now()
		}
		return time.Since(since) >= quietPeriod
	}
	limit, stop := w.Start(ctx)
	defer stop()
	exit, err := process.WaitExit(limit)
	if err != nil {
		err = fmt.Errorf("the server had not exited after %s: %w", time.Since(began).Round(time.Millisecond), err)
	}
	return exit, err
}
