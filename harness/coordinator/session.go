package coordinator

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// maxEmptyRuns is how many processes of one worker may die in a row without
// a report.
const maxEmptyRuns = 3

// A session is one process of a worker, from its start to its death.
type session struct {
	worker  *worker
	process *process

	joined    bool // it has called Join: what it runs is known
	built     bool // the tree is built
	asked     bool // its suite nodes are done, it asked for work
	exhausted bool // was told that there is no more
	parked    bool // waits for idle processors, see [Config.ShareIdle]
	done      bool // said that its suite has ended
	fruitful  bool // reported a spec
	retiring  bool // gets no more work because a spec timed out in it

	extra   int     // specs that it may play beside the one that it runs
	unit    *unit   // handed out last, of a batch the one that runs as far as is known
	later   []*unit // of its batch
	pace    pace
	mark    *startMark // nil: it gets no batches
	markAt  int        // its descriptor there
	running *planned   // started last and not reported
	since   time.Time
	seen    time.Time    // when it last gave a sign of life
	calling atomic.Int32 // calls of it that wait for an answer

	condemned string    // why the watchdog ended it
	killAt    time.Time // when it is killed, if it has not ended on request
}

func (s *session) noteAlive() { s.seen = time.Now() }

// lastSeen returns when it last gave a sign of life: now, while it waits for an answer.
func (s *session) lastSeen() time.Time {
	if s.calling.Load() > 0 {
		return time.Now()
	}
	return s.seen
}

// launchWorker starts a process for w, or finishes w when that cannot be done.
func (r *run) launchWorker(ctx context.Context, w *worker) {
	w.launched, w.finished = true, false
	s, err := r.openSession(ctx, w)
	if err != nil {
		w.finished = true
		r.errs = append(r.errs, fmt.Errorf("worker %d: %w", w.proc, err))
		return
	}
	w.session = s
}

func (r *run) openSession(ctx context.Context, w *worker) (*session, error) {
	srv, err := listenServer(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{worker: w, since: time.Now(), seen: time.Now()}
	if err = srv.serveCalls(&service{run: r, session: s}); err == nil {
		err = r.startProcess(s, srv.listenAddr())
	}
	if err != nil {
		srv.drainCalls()
		s.mark.close()
		return nil, err
	}
	r.goroutines.Go(func() {
		defer s.mark.close()
		state := s.process.waitDead()
		srv.drainCalls()
		r.doLocked(func() { r.afterExit(ctx, s, state) })
	})
	return s, nil
}

// startProcess starts the process of s. It gets a start mark if it may get batches.
func (r *run) startProcess(s *session, address string) error {
	cmd, err := r.workerCommand(s.worker.proc, address)
	if err != nil {
		return err
	}
	if r.config.Foreign == nil {
		if s.mark = newStartMark(); s.mark != nil {
			s.markAt = s.mark.giveTo(cmd)
		}
	}
	s.process, err = startProcess(cmd, address, r.config.KeepOutput)
	return err
}

// afterExit takes the death of s and decides whether another process follows.
func (r *run) afterExit(ctx context.Context, s *session, state *os.ProcessState) {
	w := s.worker
	w.session, w.finished = nil, true
	r.schedule.release(w.proc)
	r.result.Left = append(r.result.Left, s.process.left...)
	crashed := !s.done
	if s.fruitful {
		w.fruitless = 0
	}
	if crashed || endedAbnormally(state) {
		r.reportCrash(s, state)
	}
	if r.stopping || ctx.Err() != nil || !crashed && !s.retiring || !r.hasWork(s) {
		return
	}
	if !s.fruitful {
		w.fruitless++
	}
	if w.fruitless < maxEmptyRuns {
		r.launchWorker(ctx, w)
		return
	}
	r.errs = append(r.errs, fmt.Errorf("worker %d crashed %d times without a report: %s: %s", w.proc, maxEmptyRuns, state, lastLines(s.process.stderr)))
}

// hasWork reports whether there is work for another process in place of s.
func (r *run) hasWork(s *session) bool {
	first := s.worker.proc == 1
	if first && s.exhausted && !s.joined && r.description == "" {
		return false // a foreign suite whose specs are not known by name would run its serial specs again
	}
	return r.schedule.left > 0 || first && r.plan.nextSerial() != nil
}

// endedAbnormally reports whether a worker exited in another way than Ginkgo's do at the end of
// their suite.
func endedAbnormally(state *os.ProcessState) bool {
	return !slices.Contains([]int{0, 1, types.GINKGO_FOCUS_EXIT_CODE}, state.ExitCode())
}
