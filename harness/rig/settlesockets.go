package rig

import (
	"context"
	"errors"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sleep"
)

// mostSettling bounds the wait for a server that shares state to be through with the
// conversations before; after unsettled of them it is not awaited any more.
const (
	mostSettling = 250 * time.Millisecond
	unsettled    = 8
)

// AwaitSocketsClosed blocks until a server that shares state has closed the connections of the
// conversations before, for 250 ms at most: what it does for them would disturb the next one.
func (b *Testbed) AwaitSocketsClosed(ctx context.Context) {
	if !b.State().Separate() {
		b.SettleSockets(ctx)
	}
}

// SettleSockets is AwaitSocketsClosed whatever conversations share.
func (b *Testbed) SettleSockets(ctx context.Context) {
	process, _ := b.ServerProcess()
	if process == nil || b.unsettled.Load() >= unsettled {
		return
	}
	pause := 200 * time.Microsecond
	for end := time.Now().Add(mostSettling); ; pause = min(2*pause, 10*time.Millisecond) {
		n, ok := countSockets(process)
		idle := b.idleSockets.Load()
		if !ok || idle > 0 && int64(n) <= idle {
			return
		}
		if time.Now().After(end) || !sleep.Closely(ctx, pause) {
			b.unsettled.Add(1)
			b.idleSockets.Store(int64(n))
			return
		}
	}
}

// countSockets counts those that the server's processes have open.
func countSockets(process *peer.Process) (int, bool) {
	usage, err := probe.MeasureFast(process.ApproxTree())
	return usage.Sockets, err == nil
}

// acceptMismatch is what a mismatch is where state is shared and others talk: an answer.
func (b *Testbed) acceptMismatch(err error) error {
	if !b.State().Separate() && errors.As(err, new(*dialogue.Mismatch)) {
		return nil
	}
	return err
}
