package rig

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// checkServerAfter looks at the server under test once the variant is over. What it wrote is
// read last: one that is about to end has not written its reason yet.
func (b *Testbed) checkServerAfter(ctx context.Context, mark stderrMark, with Options, o *scenario.Observation) {
	c := o.Case
	if c.Role != scenario.Server || b.target.Server.Dialogue != nil {
		return
	}
	process, _ := b.ServerProcess()
	defer func() { keepStderr(process, mark, o) }()
	if b.WasTerminated() {
		b.DiscardServer()
		return
	}
	if b.script != nil && ctx.Err() == nil && c.Target.OracleEnabled("serves") && !(o.PeerHung() && with.NoServing) {
		fresh, stop := await.Wait{Budget: c.Budget, PIDs: b.ProcessTree}.Start(ctx)
		defer stop()
		b.AwaitSocketsClosed(fresh)
		o.AfterErr = b.FirstExchange(fresh)
		if b.State() == scenario.StateProcess {
			o.AfterErr = b.acceptMismatch(o.AfterErr)
		}
	}
	if process != nil {
		if exit, over := awaitExit(ctx, process, o.AfterErr); over {
			o.Crash = &exit
		}
	}
}

const (
	// exitTimeout is how long a process that does not serve any more may take to end.
	exitTimeout = 200 * time.Millisecond
	// closedExitTimeout is that of one that has closed its port: an interpreter closes it before it writes why,
	// and ends when it has.
	closedExitTimeout = 2 * time.Second
)

// awaitExit tells how the process ended. One that does not serve may be about to.
func awaitExit(ctx context.Context, process *peer.Process, fresh error) (peer.Exit, bool) {
	if fresh != nil {
		timeout := exitTimeout
		if isRefused(fresh) {
			timeout = closedExitTimeout
		}
		limit, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		select {
		case <-process.ExitedChan():
		case <-limit.Done():
		}
	}
	return exitedServer(process)
}

// isRefused reports whether no socket takes what clients of the server send.
func isRefused(fresh error) bool {
	var none *noAnswerError
	return errors.Is(fresh, syscall.ECONNREFUSED) || errors.As(fresh, &none) && none.ending == event.Refused
}

// exitedServer tells how the server ended, and whether it has. One that went into the
// background has not as long as anything that it left there runs.
func exitedServer(process *peer.Process) (peer.Exit, bool) {
	exit, ended := process.ExitStatus()
	return exit, ended && !(exit.Success() && len(process.ProcessTree()) > 0)
}

// FirstExchange holds the first exchange of the target's dialogue with the server, without a
// proxy, on a connection of its own. It blocks until the reply is there or the context ends.
// The error is a *dialogue.Mismatch, says how the stream ended before the reply, or is that of
// Dial; it wraps context.DeadlineExceeded where it was given up for time.
func (b *Testbed) FirstExchange(ctx context.Context) error { return b.firstExchange(ctx, b.script) }

// firstExchange is FirstExchange of a script.
func (b *Testbed) firstExchange(ctx context.Context, script *dialogue.Script) error {
	conn, err := b.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	first := scenario.FirstExchanges(script, 1)
	played := first.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
	if played.Mismatch != nil {
		return played.Mismatch
	}
	if played.Steps < len(first.Steps) {
		return &noAnswerError{played.Ending}
	}
	return nil
}

// A noAnswerError is how a stream ended on which an answer was to come.
type noAnswerError struct{ ending event.Ending }

func (e *noAnswerError) Error() string { return "no answer: " + e.ending.Text() }

// Is reports whether it was given up for time.
func (e *noAnswerError) Is(target error) bool {
	return target == context.DeadlineExceeded && e.ending == event.Timeout
}
