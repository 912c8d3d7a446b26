package peer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// errGone is the cause of a start that failed because nothing is left of the process.
var errGone = errors.New("it ended")

func (c Command) startServer(ctx context.Context, v Vars, release func()) (*Process, error) {
	p, err := startProcess(ctx, "server", c, v)
	if err != nil {
		release()
		return nil, err
	}
	p.release = release
	if c.Ready.NoListen {
		return p.awaitReady(ctx, p.awaitProbes)
	}
	if c.Network == "unix" {
		return p.awaitReady(ctx, p.awaitProbes, p.awaitListeningUnix)
	}
	return p.awaitReady(ctx, p.awaitProbes, p.awaitListening)
}

// awaitReady returns p when all conditions hold. Otherwise it ends the process and
// says why.
func (p *Process) awaitReady(ctx context.Context, conditions ...func(context.Context) error) (*Process, error) {
	ctx, gone := context.WithCancelCause(ctx)
	ctx, stop := p.withStartTimeout(ctx, p.command.startTimeout())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		p.watchGone(ctx, gone)
	}()
	var err error
	for _, condition := range conditions {
		if err = condition(ctx); err != nil {
			break
		}
	}
	stop()
	<-watched
	gone(nil)
	if err == nil {
		return p, nil
	}
	return nil, p.failStart(err)
}

// watchGone calls gone when neither the process nor a daemon of its is left.
func (p *Process) watchGone(ctx context.Context, gone context.CancelCauseFunc) {
	if p.awaitGone(ctx) {
		gone(errGone)
	}
}

// failStart ends the process and returns why it did not become ready.
func (p *Process) failStart(reason error) error {
	exit, ended := p.ExitStatus()
	e := &Error{Op: p.role, Command: p.command, Err: reason}
	if _, err := p.StopTree(context.Background()); err != nil {
		e.Err = errors.Join(reason, err)
	}
	if ended {
		e.Exit = &exit
	}
	if ended && errors.Is(reason, errGone) {
		e.Err = fmt.Errorf("%v before it was ready", exit)
		if !p.command.Ready.NoListen && p.role == "server" {
			e.Err = fmt.Errorf("%v before it listened", exit)
		}
	}
	e.Stderr = p.lastWords()
	p.Close()
	return e
}

// lastWords returns the end of stderr or, when that is empty, of stdout.
func (p *Process) lastWords() string {
	for _, o := range []*Output{p.stderr, p.stdout} {
		tail := o.TailBytes()
		text := strings.ToValidUTF8(string(tail[max(0, len(tail)-4096):]), "\uFFFD")
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	return ""
}

func (p *Process) awaitProbes(ctx context.Context) error {
	if err := p.awaitLog(ctx); err != nil {
		return err
	}
	return p.awaitExec(ctx)
}

func (p *Process) awaitLog(ctx context.Context) error {
	if p.command.Ready.Log == "" {
		return nil
	}
	re, err := regexp.Compile(p.command.Ready.Log)
	if err != nil {
		return fmt.Errorf("ready log: %w", err)
	}
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, 2)
	for _, o := range []*Output{p.stdout, p.stderr} {
		go func() {
			_, err := o.WaitFor(both, re)
			results <- err
		}()
	}
	first := <-results
	if first == nil {
		cancel()
	}
	second := <-results
	if first == nil || second == nil {
		return nil
	}
	<-ctx.Done() // when both streams are closed, that is its end, or it will never be ready
	return fmt.Errorf("%w: no line of its output matched %q", context.Cause(ctx), re)
}

// awaitExec runs the probe until it succeeds. A probe is a process like any
// other, so that one that hangs or forks leaves nothing.
func (p *Process) awaitExec(ctx context.Context) error {
	ready := p.command.Ready
	if len(ready.Exec) == 0 {
		return nil
	}
	probe := Command{Args: ready.Exec, Dir: p.command.Dir, Env: p.command.Env, Grace: time.Millisecond}
	tick := time.NewTicker(20 * pollEvery)
	defer tick.Stop()
	for last := "has not ended yet"; ; {
		exit, err := probe.runToEnd(ctx, p.vars)
		if err == nil && exit.Success() {
			return nil
		}
		var failed *Error
		if errors.As(err, &failed) && ctx.Err() == nil {
			return fmt.Errorf("ready exec: %w", failed)
		}
		if err == nil {
			last = exit.String()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: the probe %s %s", context.Cause(ctx), probe, last)
		}
	}
}

// runToEnd starts the command, waits for its end, and leaves nothing of it.
func (c Command) runToEnd(ctx context.Context, v Vars) (Exit, error) {
	p, err := startProcess(ctx, "probe", c, v)
	if err != nil {
		return Exit{}, err
	}
	defer p.Close()
	return p.WaitExit(ctx)
}
