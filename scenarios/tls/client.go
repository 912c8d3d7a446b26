package tls

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A clientPlay is an act with a client under test: what the harness does to each of its
// connections, and what must become of the client.
type clientPlay struct {
	c       scenario.Case
	name    string
	silent  bool   // it sends nothing once the client waits
	struck  string // what to say of it
	serve   func(context.Context, scenario.Rig, sock.Conn) error
	verdict func(scenario.Case, scenario.ClientState) error
}

// variant puts the act behind a proxy that carries the records as they are.
func (p clientPlay) variant() scenario.Variant {
	v := scenario.ActVariant(p.name, 2*p.c.Budget, p.run)
	v.Listen, v.Wire, v.NeverAnswers = true, true, p.silent
	return v
}

func (p clientPlay) run(ctx context.Context, rig scenario.Rig) error {
	serving, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	var unplayable atomic.Pointer[error]
	all.Go(func() {
		for {
			conn, err := rig.Accept(serving)
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				stop := context.AfterFunc(serving, func() { conn.Close() })
				defer stop()
				if err := p.serve(serving, rig, conn); err != nil {
					unplayable.CompareAndSwap(nil, &err)
				}
			})
		}
	})
	client, err := rig.StartClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	state, err := client.WatchAttempts(ctx, 0, nil)
	if err != nil {
		return err
	}
	if err := unplayable.Load(); err != nil {
		return *err
	}
	if state.Attempts.Accepted > 0 {
		rig.ReportStruck(p.struck)
	}
	return p.verdict(p.c, state)
}

// mustComplete expects the client to end as without the fault.
func mustComplete(c scenario.Case, s scenario.ClientState) error {
	switch {
	case s.TimedOut:
		return stillRuns(c, s)
	case s.Exit.Code != c.Conversation.Exit || s.Exit.Signal != 0:
		return fmt.Errorf("the client %s, want exit status %d as without the fault%s", s.Exit, c.Conversation.Exit, scenario.QuoteLastLine(s.Stderr))
	case !c.Conversation.Output.EqualOutputs(s.Stdout, c.Conversation.Stdout):
		return fmt.Errorf("the client's output differs from the run without the fault: %s", dialogue.DescribeDifference(c.Conversation.Stdout, s.Stdout))
	}
	return nil
}

// mustFail expects the client to end by itself and to say that it failed.
func mustFail(c scenario.Case, s scenario.ClientState) error {
	switch {
	case s.TimedOut:
		return stillRuns(c, s)
	case s.Exit.Signal != 0:
		return fmt.Errorf("the client was killed by %s%s", s.Exit.Signal, scenario.QuoteLastLine(s.Stderr))
	case s.Exit.Code != 0:
		return nil
	}
	return fmt.Errorf("the client exited with status 0, which means success; its output: %.60q", s.Stdout)
}

// completesOrFails expects the client to end as without the fault, or to say that it
// failed.
func completesOrFails(c scenario.Case, s scenario.ClientState) error {
	if !s.TimedOut && s.Exit.Signal == 0 && s.Exit.Code != 0 {
		return nil
	}
	return mustComplete(c, s)
}

// stillRuns is a failure where the client's limit is declared, or it spins.
func stillRuns(c scenario.Case, s scenario.ClientState) error {
	p := c.Target.Policies
	switch {
	case s.Spins:
		return fmt.Errorf("the client %w: it uses a full CPU while no data moves", scenario.ErrSpins)
	case s.Hang != nil && (p.AnswerTimeout > 0 || p.AnswerDeadline > 0):
		return fmt.Errorf("the client hangs: after %s it is proven that %w", s.Elapsed.Round(1e6), s.Hang)
	case p.AnswerTimeout > 0 || p.AnswerDeadline > 0:
		return fmt.Errorf("the client had not ended after %s", s.Elapsed.Round(1e6))
	case p.Retries == scenario.RetriesForEver:
		return nil
	}
	return scenario.NewUndeclared(scenario.DeclareTimeLimit,
		"the client was still running after %s; %s", s.Elapsed.Round(1e6), s.Attempts)
}

// drain reads what the client still says, so that an end of ours is no reset.
func drain(conn io.Reader) { _, _ = io.Copy(io.Discard, conn) }
