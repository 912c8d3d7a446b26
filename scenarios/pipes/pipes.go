// Package pipes checks what is special about servers that read their standard input and
// write their standard output, be these pipes or one socket: they must end when their
// client is gone, because nothing else ends them, and leave nothing behind; and a pipe that
// is full takes only part of what they write.
package pipes

import (
	"context"
	"fmt"
	"io"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	all := []scenario.Scenario{exitsAtEOF(), readerGone(), outputEnds(), leavesNoChild(), sleepingReader()}
	for i := range all {
		all[i].Transports = []scenario.Transport{scenario.Pipes, scenario.Socketpair}
	}
	return all
}

func exitsAtEOF() scenario.Scenario {
	return scenario.Scenario{
		ID:    "pipes/exits-at-eof",
		Title: "A server ends when its standard input ends",
		Rationale: "An editor or a supervisor that goes away closes the pipe, and often does nothing else. A server that takes " +
			"the empty read for \"nothing yet\" runs on for days, one process for each session, and many of them use a " +
			"CPU.",
		Ref:      "read(2); pipe(7)",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return afterEachStart(c, endInput) },
	}
}

func readerGone() scenario.Scenario {
	return scenario.Scenario{
		ID:    "pipes/reader-gone",
		Title: "A server ends when both its input and its output are closed",
		Rationale: "The client is killed before it has read its answers. A write fails with EPIPE, or SIGPIPE ends the server. " +
			"How it ends is its own choice; a server that ignores the error runs on without a client.",
		Ref:   "write(2) EPIPE; pipe(7) SIGPIPE",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			request := c.Incoming().FirstSpoken()
			if len(request) == 0 {
				return nil, c.UnsupportedErrorf("the dialogue sends nothing to the server")
			}
			return []scenario.Variant{act(c, "", func(ctx context.Context, rig scenario.Rig) error { return closeBoth(ctx, rig, request) })}, nil
		},
	}
}

// afterEachStart returns a variant in which the input ends at once, and one in which it ends
// behind the first request.
func afterEachStart(c scenario.Case, run func(context.Context, scenario.Rig, []byte) error) ([]scenario.Variant, error) {
	out := []scenario.Variant{act(c, "after=start", func(ctx context.Context, rig scenario.Rig) error { return run(ctx, rig, nil) })}
	if request := c.Incoming().FirstSpoken(); len(request) > 0 {
		out = append(out, act(c, "after=request", func(ctx context.Context, rig scenario.Rig) error { return run(ctx, rig, request) }))
	}
	return out, nil
}

func act(c scenario.Case, name string, run func(context.Context, scenario.Rig) error) scenario.Variant {
	return scenario.ActVariant(name, c.Budget, run)
}

// endInput sends the request, ends the input and waits for the server's end.
func endInput(ctx context.Context, rig scenario.Rig, request []byte) error {
	s, err := startSession(ctx, rig)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	if err := s.end(rig, request); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, s.conn) }() // ends with the Close above
	if err := s.awaitServerGone(ctx, rig); err != nil {
		return fmt.Errorf("the server still runs after its input ended: %w", err)
	}
	return nil
}

// closeBoth sends the request, closes both directions and waits for the server's end.
func closeBoth(ctx context.Context, rig scenario.Rig, request []byte) error {
	s, err := startSession(ctx, rig)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	if _, err := s.conn.Write(request); err != nil {
		return err
	}
	s.conn.Close()
	rig.ReportStruck("its input and its output were closed")
	if err := s.awaitServerGone(ctx, rig); err != nil {
		return fmt.Errorf("the server still runs after its input and its output were closed: %w", err)
	}
	return nil
}
