package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

const (
	// asked is for how long nothing must have moved once the whole request has
	// left, before a server that does not answer may be waiting for ever. The proof
	// itself sees what is under way in the kernel.
	asked = 20 * time.Millisecond
	// unasked is the same while our request has not left: we may not have had a
	// processor.
	unasked = 500 * time.Millisecond
	// doubt is how soon it is tried to prove that; where it fails, how soon it is tried
	// again grows up to mostDoubt: each attempt walks through the kernel's tables.
	doubt     = 30 * time.Millisecond
	mostDoubt = 8 * doubt
)

var errNoDialogue = errors.New("the target has no dialogue")

// Greet implements [scenario.Rig].
func (a *act) Greet(ctx context.Context) error {
	conn, err := a.Dial(ctx)
	if err != nil {
		return err
	}
	return a.Ask(ctx, conn)
}

// Ask implements [scenario.Rig].
func (a *act) Ask(ctx context.Context, conns ...sock.Conn) error {
	if a.bench().script == nil {
		return errNoDialogue
	}
	first := scenario.First(a.bench().script, 1)
	all := make(traffics, len(conns))
	for i, conn := range conns {
		all[i] = newTraffic(conn, first)
	}
	ctx, stop := a.Watch(ctx, all.idle, all.moved)
	defer stop()
	failed := make([]error, len(all))
	var wg sync.WaitGroup
	for i, t := range all {
		wg.Go(func() {
			defer t.over.Store(true)
			defer t.Close()
			failed[i] = ask(ctx, first, t)
		})
	}
	wg.Wait()
	for i, err := range failed {
		if err != nil && len(failed) > 1 {
			return fmt.Errorf("client %d of %d: %w", i+1, len(failed), err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// ask plays the client of the script.
func ask(ctx context.Context, script *dialogue.Script, conn sock.Conn) error {
	played := script.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
	switch {
	case played.Mismatch != nil:
		return played.Mismatch
	case played.Steps < len(script.Steps):
		return unanswered(ctx, played)
	}
	return nil
}

// unanswered says why there is no answer.
func unanswered(ctx context.Context, played dialogue.Played) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
	return fmt.Errorf("no answer, but %s", ending(played.Ending))
}

// Watch implements [scenario.Rig].
func (a *act) Watch(ctx context.Context, idle func() bool, moved func() int64) (limited context.Context, stop func()) {
	w := wait{budget: a.stage.kase.Budget, pids: a.bench().tree, moved: moved, spinning: a.stage.play.spinning()}
	budget, release := w.begin(ctx)
	limited, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		cancel(a.overdue(ctx, budget, w, idle))
	}()
	return limited, func() { release(); <-done }
}

// overdue blocks until the budget's context is over or the proof is found, and
// returns why a wait is over.
func (a *act) overdue(ctx, budget context.Context, w wait, idle func() bool) error {
	w.idle, w.prover = idle, a.stage.play.runner.prover
	for pause := doubt; sleep(budget, pause) && len(w.pids()) > 0; pause = min(pause*3/2, mostDoubt) {
		if stuck := w.prove(budget); stuck != nil {
			return fmt.Errorf("it is proven that %w", stuck)
		}
	}
	<-budget.Done()
	switch cause := context.Cause(budget); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(cause, errSpin):
		return fmt.Errorf("the server %w: it keeps a processor busy while nothing moves", cause)
	default:
		return &lateError{w.budget, cause}
	}
}

// A traffic is a connection that knows when something moved on it last.
type traffic struct {
	sock.Conn
	want  int64 // bytes that we are to send
	bytes atomic.Int64
	sent  atomic.Int64
	at    atomic.Int64 // when something moved last
	over  atomic.Bool  // nothing will
}

func newTraffic(conn sock.Conn, s *dialogue.Script) *traffic {
	t := &traffic{Conn: conn}
	for _, step := range s.Steps {
		t.want += int64(len(step.Send))
	}
	t.touch()
	return t
}

func (t *traffic) touch() { t.at.Store(time.Now().UnixNano()) }

// Read implements [net.Conn].
func (t *traffic) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.bytes.Add(int64(n))
	t.touch()
	return n, err
}

// Write implements [net.Conn].
func (t *traffic) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)
	t.bytes.Add(int64(n))
	t.sent.Add(int64(n))
	t.touch()
	return n, err
}

// CloseWrite implements [sock.Conn].
func (t *traffic) CloseWrite() error {
	defer t.touch()
	return t.Conn.CloseWrite()
}

// idle reports that it is not our turn.
func (t *traffic) idle() bool {
	if t.over.Load() {
		return true
	}
	quiet := time.Since(time.Unix(0, t.at.Load()))
	if t.sent.Load() >= t.want {
		return quiet >= asked
	}
	return quiet >= unasked
}

// traffics are those of one act.
type traffics []*traffic

func (all traffics) idle() bool {
	return !slices.ContainsFunc(all, func(t *traffic) bool { return !t.idle() })
}

func (all traffics) moved() int64 {
	n := int64(0)
	for _, t := range all {
		n += t.bytes.Load()
	}
	return n
}
