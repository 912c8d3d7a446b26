package link

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/wire"
)

// hasten sees to it that a connection ends which a toxic has ended, when the
// destination takes nothing of what comes before that end: it is given up after
// the link's patience without progress. It blocks until the connection is over or
// the stage is interrupted. An end that only this direction has can wait.
func (l *Link) hasten(ctx context.Context, interrupt <-chan struct{}, end wire.End) {
	outcome, ends := map[wire.End]Outcome{wire.Shut: Shut, wire.Reset: Aborted}[end]
	if !ends {
		return
	}
	tick := time.NewTicker(l.cfg.Patience.Progress / 10)
	defer tick.Stop()
	s := stuckness{since: time.Now()}
	for !s.given {
		select {
		case <-tick.C:
			s.look(l)
		case <-interrupt:
			return
		case <-ctx.Done():
			return
		}
	}
	l.overdue.Store(int32(outcome))
	l.wake()
}
