package scenariofile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

const (
	// checkInterval is how often a program is looked at: nothing tells of its changes.
	checkInterval = 5 * time.Millisecond
	// loadWindow is over how long the load is measured.
	loadWindow = 200 * time.Millisecond
	// startBudget is for the start of a program, whose interpreter may be slow.
	startBudget = 10 * time.Second
)

// A start is what the program under test held when the session began.
type start struct{ descriptors, children int }

// comparesUsage reports whether a check compares the program with the start. To measure
// that costs more than a whole exchange.
func (d *Definition) comparesUsage() (found bool) {
	walk(d.Steps, func(s Step) {
		if c := s.Check; c != nil {
			found = found || c.Descriptors != nil && c.Descriptors.Same || c.Children != nil && c.Children.Same
		}
	})
	return found
}

func (s *session) measure() (start, error) {
	p, err := s.process(s.side())
	if err != nil {
		return start{}, err
	}
	usage, err := p.Usage()
	if err != nil {
		return start{}, fmt.Errorf("usage of the program: %w", err)
	}
	return start{descriptors: usage.Descriptors, children: len(p.Tree()) - 1}, nil
}

// side is whose program is under test.
func (s *session) side() scenario.Role {
	if s.definition.Role == scenario.Server {
		return scenario.Server
	}
	return scenario.Client
}

// check blocks until all of it is true, or the time is over.
func (s *session) check(ctx context.Context, c *Check) error {
	within := s.budget
	if s.definition.Role != scenario.Server {
		within += startBudget
	}
	if c.Within > 0 {
		within = c.Within
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, one := range s.parts(c) {
		if err := until(limited, one); err != nil {
			return err
		}
	}
	return nil
}

// until asks again and again, until the answer is nil or the context ends; then it
// returns the last answer. An unsupported check is not asked again.
func until(ctx context.Context, ask func(context.Context) error) error {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil || errors.Is(err, scenario.ErrUnsupported) || errors.As(err, new(final)) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// final wraps an answer that does not change any more.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// parts returns what is asked, one function each.
func (s *session) parts(c *Check) []func(context.Context) error {
	var all []func(context.Context) error
	add := func(asked bool, f func(context.Context, scenario.Process) error) {
		if asked {
			all = append(all, func(ctx context.Context) error { return s.ask(ctx, c, f) })
		}
	}
	if c.Connections != nil {
		all = append(all, func(context.Context) error { return s.accepted(*c.Connections) })
	}
	add(c.Exit != nil, func(ctx context.Context, p scenario.Process) error { return exits(ctx, p, c.Exit) })
	add(c.Output != nil, func(_ context.Context, p scenario.Process) error { return wrote(p, c.Output) })
	add(c.Alive != nil, func(_ context.Context, p scenario.Process) error { return alive(p, *c.Alive) })
	add(c.Descriptors != nil || c.Children != nil, func(_ context.Context, p scenario.Process) error { return s.holds(p, c) })
	add(c.CPU != nil, func(ctx context.Context, p scenario.Process) error { return loads(ctx, p, c.CPU) })
	if len(c.Command) > 0 {
		all = append(all, func(ctx context.Context) error { return s.probe(ctx, c.Command) })
	}
	return all
}

// ask calls f with the program that the check is about.
func (s *session) ask(ctx context.Context, c *Check, f func(context.Context, scenario.Process) error) error {
	of := c.Of
	if of == "" {
		of = s.side()
	}
	p, err := s.process(of)
	if err != nil {
		return err
	}
	return f(ctx, p)
}

func (s *session) accepted(want int) error {
	n := 0
	for _, e := range s.rig.Events() {
		if e.Kind == event.Accept {
			n++
		}
	}
	switch {
	case n > want:
		return final{fmt.Errorf("the proxy has accepted %s, want %d", plural.Count(n, "connection"), want)}
	case n < want:
		return fmt.Errorf("the proxy has accepted %s, want %d", plural.Count(n, "connection"), want)
	}
	return nil
}

func exits(ctx context.Context, p scenario.Process, want *Status) error {
	exit, err := p.AwaitExit(ctx)
	switch {
	case err != nil:
		return &lateError{"the program has not ended", err}
	case want.Signal != "" && exit.Signal != signals()[want.Signal]:
		return final{fmt.Errorf("the program %s, want it killed by SIG%s", exit, want.Signal)}
	case want.Signal == "" && (exit.Signal != 0 || exit.Code != want.Code):
		return final{fmt.Errorf("the program %s, want exit status %d", exit, want.Code)}
	}
	return nil
}

func wrote(p scenario.Process, want *Text) error {
	output, err := p.Output()
	if err != nil {
		return err
	}
	if !want.in(output) {
		return fmt.Errorf("the output has no %s; it is %s", want, excerpt.Quote(output))
	}
	return nil
}

func alive(p scenario.Process, want bool) error {
	exit, ended := p.Exit()
	switch {
	case ended && want:
		return final{fmt.Errorf("the program is not alive: it %s", exit)}
	case !ended && !want:
		return errors.New("the program is still alive")
	}
	return nil
}

func (s *session) holds(p scenario.Process, c *Check) error {
	usage, err := p.Usage()
	if err != nil {
		return fmt.Errorf("usage of the program: %w", err)
	}
	if d := c.Descriptors; d != nil && usage.Descriptors > d.limit(s.start.descriptors) {
		return fmt.Errorf("the program has %s open, want at most %d", plural.Count(usage.Descriptors, "descriptor"), d.limit(s.start.descriptors))
	}
	if n := len(p.Tree()) - 1; c.Children != nil && n > c.Children.limit(s.start.children) {
		return fmt.Errorf("the program has %d children, want at most %d", n, c.Children.limit(s.start.children))
	}
	return nil
}

func loads(ctx context.Context, p scenario.Process, want *Load) error {
	busy, err := p.Spin(ctx, loadWindow)
	if err != nil {
		return fmt.Errorf("load of the program: %w", err)
	}
	if percent := 100 * busy.Busiest; percent > want.Percent {
		return fmt.Errorf("a thread of the program used %.0f %% of a CPU, want at most %.0f %%", percent, want.Percent)
	}
	return nil
}

// probe runs a command that must exit with status 0, and leaves nothing of it.
func (s *session) probe(ctx context.Context, args []string) error {
	command := peer.Command{Args: args, Dir: filepath.Dir(s.definition.Node.File())}
	process, err := command.StartClient(ctx, peer.VarsAt(s.rig.ServerAddr()))
	switch {
	case ctx.Err() != nil && err != nil: // a busy machine took the whole time to start it
		return &lateError{command.String() + " has not ended", err}
	case err != nil:
		return final{err}
	}
	defer process.Close()
	exit, err := process.WaitExit(ctx)
	if err != nil {
		process.KillTree()
		return &lateError{command.String() + " has not ended", err}
	}
	if !exit.Success() {
		return fmt.Errorf("%s %s: %s", command, exit, excerpt.Quote(append(process.Stdout().TailBytes(), process.Stderr().TailBytes()...)))
	}
	return nil
}
