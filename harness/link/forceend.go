package link

import (
	"context"
	"time"

	"github.com/sockharness/harness/toxics/hook"
)

// forceEnd sees to it that a connection ends which a toxic has ended, when the
// destination takes nothing of what comes before that end: it is given up after
// the link's patience without progress. It blocks until the connection is over or
// the stage is interrupted. An end that only this direction has can wait.
func (l *Link) forceEnd(ctx context.Context, interrupt <-chan struct{}, end hook.EndMode) {
	outcome, ends := map[hook.EndMode]Outcome{hook.CloseBoth: Close, hook.Reset: Aborted}[end]
	if !ends {
		return
	}
	tick := time.NewTicker(l.cfg.Patience.Progress / 10)
	defer tick.Stop()
	s := stallDetector{since: time.Now()}
	for !s.gaveUp {
		select {
		case <-tick.C:
			s.checkProgress(l)
		case <-interrupt:
			return
		case <-ctx.Done():
			return
		}
	}
	l.overdue.Store(int32(outcome))
	l.wakeReader()
}
