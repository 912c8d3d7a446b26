package coordinator

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// fruitlessLimit is how many processes of one worker may die in a row without
// a report.
const fruitlessLimit = 3

// A session is one process of a worker, from its start to its death.
type session struct {
	worker  *worker
	process *process

	joined    bool // calls Started: what it runs is known
	built     bool // the tree is built
	asked     bool // its suite nodes are done, it asked for work
	exhausted bool // was told that there is no more
	done      bool // said that its suite has ended
	fruitful  bool // reported a spec
	retiring  bool // gets no more work because a spec timed out in it

	unit    *unit    // handed out last
	running *planned // started last and not reported
	since   time.Time
	seen    time.Time // when it last gave a sign of life

	condemned string    // why the watchdog ended it
	killAt    time.Time // when being asked to die turns into being killed
}

func (s *session) alive() { s.seen = time.Now() }

// launch starts a process for w, or finishes w when that cannot be done.
func (r *run) launch(ctx context.Context, w *worker) {
	w.finished = false
	s, err := r.open(ctx, w)
	if err != nil {
		w.finished = true
		r.errs = append(r.errs, fmt.Errorf("worker %d: %w", w.proc, err))
		return
	}
	w.session = s
}

func (r *run) open(ctx context.Context, w *worker) (*session, error) {
	srv, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{worker: w, since: time.Now(), seen: time.Now()}
	if err = srv.serve(&service{run: r, session: s}); err == nil {
		s.process, err = r.start(w.proc, srv.address())
	}
	if err != nil {
		srv.drain()
		return nil, err
	}
	r.goroutines.Go(func() {
		state := s.process.wait()
		srv.drain()
		_ = r.do(func() error { r.exited(ctx, s, state); return nil })
	})
	return s, nil
}

func (r *run) start(proc int, address string) (*process, error) {
	cmd, err := r.command(proc, address)
	if err != nil {
		return nil, err
	}
	return startProcess(cmd, address)
}

// exited takes the death of s and decides whether another process follows.
func (r *run) exited(ctx context.Context, s *session, state *os.ProcessState) {
	w := s.worker
	w.session, w.finished = nil, true
	crashed := !s.done
	if s.fruitful {
		w.fruitless = 0
	}
	if crashed || abnormal(state) {
		r.crashed(s, state)
	}
	if r.stopping || ctx.Err() != nil || !crashed && !s.retiring || !r.hasWork(s) {
		return
	}
	if !s.fruitful {
		w.fruitless++
	}
	if w.fruitless < fruitlessLimit {
		r.launch(ctx, w)
		return
	}
	r.errs = append(r.errs, fmt.Errorf("worker %d died %d times without a report: %s: %s", w.proc, fruitlessLimit, state, lastLines(s.process.stderr)))
}

// hasWork reports whether another process in place of s would have something
// to do.
func (r *run) hasWork(s *session) bool {
	first := s.worker.proc == 1
	if first && s.exhausted && !s.joined {
		return false // a stranger would begin its serial specs again
	}
	return r.schedule.left > 0 || first && r.plan.nextSerial() != nil
}

// abnormal reports whether a worker whose suite has ended ended otherwise than
// Ginkgo's do.
func abnormal(state *os.ProcessState) bool {
	return !slices.Contains([]int{0, 1, types.GINKGO_FOCUS_EXIT_CODE}, state.ExitCode())
}
