package coordinator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/sleep"
)

const (
	// tellInterval is how long a spec runs before the worker tells the coordinator, and returns
	// the specs that were to follow.
	tellInterval = 50 * time.Millisecond
	// abortInterval is how often a worker asks, while a spec runs, whether the run is ended early.
	abortInterval = 250 * time.Millisecond
	// againInterval is how often a worker asks for work that another one may return.
	againInterval = 5 * time.Millisecond
	// parkedInterval is how often it asks while the processors are in use.
	parkedInterval = 100 * time.Millisecond
)

// A Played is the result of a spec in a worker.
type Played struct {
	State   types.SpecState // passed, failed, panicked or interrupted
	Failure string          // what went wrong; empty: nothing
	Entry   string          // name of the report entry that it leaves; empty: none
	Value   string          // of that
}

// A playedSpec is a result with what else a report has.
type playedSpec struct {
	Played
	Name  string // full text of the spec
	Begin time.Time
	Took  time.Duration
}

// PlaySpecs runs the specs that the coordinator hands out, one at a time, by calling play with
// the full text of each. It returns when no spec is left or the context ends; the context of the
// running spec ends with it. No spec may be Serial or in an Ordered container. It reports whether
// all specs have passed.
func (w *Worker) PlaySpecs(ctx context.Context, play func(ctx context.Context, name string) Played) (green bool, err error) {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	t := &turn{worker: w, abort: abort}
	stop := t.tellLate()
	defer stop()
	green = true
	for ctx.Err() == nil {
		one, err := t.next(ctx)
		if err != nil || one.Name == "" && ctx.Err() == nil {
			return green, err
		}
		if one.Name == "" {
			break
		}
		begin := time.Now()
		what := play(ctx, one.Name)
		if ctx.Err() != nil {
			what.State = types.SpecStateInterrupted
		}
		green = green && what.State.Is(types.SpecStatePassed)
		if err := t.note(playedSpec{what, one.Name, begin, time.Since(begin)}); err != nil {
			return false, err
		}
	}
	return false, t.leave()
}

// A turn is how far a worker is with its batch.
type turn struct {
	worker *Worker
	abort  context.CancelFunc // ends what is played, because the run is ended early

	mu      sync.Mutex   // guards what follows; held while the coordinator is asked
	given   []handed     // and not begun
	played  []playedSpec // and not told
	running bool
	told    bool      // the coordinator knows that it is running
	begun   time.Time // when it was
	asked   time.Time // when the coordinator last said whether the run goes on
}

// next returns the next spec; without a name: there is none left.
func (t *turn) next(ctx context.Context) (one handed, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = len(t.given) == 0
	for wait := t.told; wait; {
		var b batch
		if err := t.tell("Server.Next", progress{Played: t.played}, &b); err != nil {
			return one, err
		}
		t.given = b.Given
		pause := againInterval
		if b.Parked {
			pause = parkedInterval
		}
		if wait = b.Wait && len(b.Given) == 0; wait && !sleep.For(ctx, pause) {
			return one, nil
		}
	}
	if len(t.given) == 0 {
		return one, nil
	}
	one, t.given, t.running, t.begun = t.given[0], t.given[1:], true, time.Now()
	return one, t.worker.mark.set(one.Index)
}

// note keeps the result of a spec. A failure is sent at once, since it may end the run.
func (t *turn) note(p playedSpec) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running, t.played = false, append(t.played, p)
	if p.State.Is(types.SpecStatePassed) {
		return nil
	}
	return t.tell("Server.Tell", progress{Played: t.played}, &batch{})
}

// leave tells the coordinator that the worker runs no more specs.
func (t *turn) leave() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tell("Server.Leave", t.progress(), &batch{})
}

// progress is what the coordinator has not been told, and the units that were not begun.
func (t *turn) progress() progress {
	p := progress{Played: t.played}
	for _, one := range t.given {
		p.Back = append(p.Back, one.Index)
	}
	return p
}

// tell tells the coordinator how far the worker is.
func (t *turn) tell(method string, p progress, answer *batch) error {
	if err := t.worker.client.Call(method, p, answer); err != nil {
		return fmt.Errorf("coordinator %s: %w", method, err)
	}
	if t.played, t.asked = nil, time.Now(); answer.Aborting {
		t.abort()
	}
	return nil
}

// tellLate starts to tell the coordinator of specs that take long. stop ends that.
func (t *turn) tellLate() (stop func()) {
	done := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		tick := time.NewTicker(tellInterval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				t.tellIfLate()
			}
		}
	})
	return func() { close(done); task.Wait() }
}

// tellIfLate tells of the running spec if it takes long, returns the specs that were to follow,
// and asks whether the run goes on. If that fails, the next call returns the error.
func (t *turn) tellIfLate() {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.running || time.Since(t.begun) < tellInterval:
	case !t.told || len(t.given) > 0:
		if t.tell("Server.Tell", t.progress(), &batch{}) == nil {
			t.given, t.told = nil, true
		}
	case time.Since(t.asked) >= abortInterval:
		var aborting bool
		if _ = t.worker.client.Call("Server.ShouldAbort", void{}, &aborting); aborting {
			t.abort()
		}
		t.asked = time.Now()
	}
}
