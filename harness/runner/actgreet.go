package runner

import (
	"context"
	"errors"
	"fmt"
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
	// doubt is how often it is tried to prove that.
	doubt = 30 * time.Millisecond
)

var errNoDialogue = errors.New("the target has no dialogue")

// Greet implements [scenario.Rig].
func (a *act) Greet(ctx context.Context) error {
	conn, err := a.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return a.Ask(ctx, conn)
}

// Ask implements [scenario.Rig].
func (a *act) Ask(ctx context.Context, conn sock.Conn) error {
	if a.bench().script == nil {
		return errNoDialogue
	}
	first := scenario.First(a.bench().script, 1)
	t := &traffic{Conn: conn}
	for _, step := range first.Steps {
		t.want += int64(len(step.Send))
	}
	t.touch()
	limited, stop := a.await(ctx, t)
	defer stop()
	played := first.PlayClient(limited, t, dialogue.Options{NoEnd: true})
	switch {
	case played.Mismatch != nil:
		return played.Mismatch
	case played.Steps < len(first.Steps):
		return fmt.Errorf("no answer: %s%s", ending(played.Ending), because(context.Cause(limited)))
	}
	return nil
}

// because says what ended a wait before its time.
func because(cause error) string {
	spins, stuck := verdict(cause)
	switch {
	case spins:
		return "; the server spins: it keeps a processor busy while nothing moves"
	case stuck != "":
		return "; it is proven that " + stuck
	}
	return ""
}

// await returns a context that ends when the server has had the budget, spins,
// or is proven to wait for ever. stop must be called; it waits.
func (a *act) await(ctx context.Context, t *traffic) (limited context.Context, stop func()) {
	w := wait{budget: a.stage.kase.Budget, pids: a.bench().tree, moved: t.moved.Load}
	budget, release := w.begin(ctx)
	limited, cancel := context.WithCancelCause(budget)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if len(a.bench().tree()) == 0 {
			return
		}
		w.idle, w.prover = t.idle, a.stage.play.runner.prover
		for sleep(limited, doubt) {
			if stuck := w.prove(limited); stuck != nil {
				cancel(stuck)
			}
		}
	}()
	return limited, func() { cancel(context.Canceled); <-done; release() }
}

// A traffic is a connection that knows when something moved on it last.
type traffic struct {
	sock.Conn
	want int64 // bytes that we are to send

	moved, sent atomic.Int64
	at          atomic.Int64 // when something moved last
}

func (t *traffic) touch() { t.at.Store(time.Now().UnixNano()) }

// Read implements [net.Conn].
func (t *traffic) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.moved.Add(int64(n))
	t.touch()
	return n, err
}

// Write implements [net.Conn].
func (t *traffic) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)
	t.moved.Add(int64(n))
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
	quiet := time.Since(time.Unix(0, t.at.Load()))
	if t.sent.Load() >= t.want {
		return quiet >= asked
	}
	return quiet >= unasked
}
