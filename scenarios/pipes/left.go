package pipes

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func outputEnds() scenario.Scenario {
	return scenario.Scenario{
		ID:    "pipes/output-ends",
		Title: "The output of a server ends with the server",
		Rationale: "A client that reads until the end of the output waits for every process that has it open. A helper that the " +
			"server started and left behind, with the server's own output, keeps the client waiting after the server has " +
			"ended.",
		Ref:      "pipe(7); golang/go#23019",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return afterEachStart(c, awaitOutputEnd) },
	}
}

// awaitOutputEnd waits for the end of the server, and then for that of its output.
func awaitOutputEnd(ctx context.Context, rig scenario.Rig, request []byte) error {
	s, err := startSession(ctx, rig)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, s.conn)
	}()
	if err := s.end(rig, request); err != nil {
		return err
	}
	if err := s.awaitServerGone(ctx, rig); err != nil {
		return nil // pipes/exits-at-eof tells that
	}
	holders := s.awaitStill(ctx, ended, func() []int { return s.holders(s.left()) })
	select {
	case <-ended:
		return nil
	default:
	}
	if len(holders) == 0 {
		return fmt.Errorf("the server has ended, but its output is still open: %w", context.Cause(ctx))
	}
	return fmt.Errorf("the server has ended, but its output is still open in %s", nameProcesses(holders))
}

func leavesNoChild() scenario.Scenario {
	return scenario.Scenario{
		ID:    "pipes/leaves-no-child",
		Title: "A server that ends leaves no process behind",
		Rationale: "A server that starts a helper for each session and does not end it leaves one process for each session. The helper " +
			"may also keep standard error open, for whose end a supervisor waits. A daemon that is meant to be shared may stay.",
		Ref:      "waitpid(2); prctl(2) PR_SET_PDEATHSIG",
		Level:    outcome.Should,
		Roles:    scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return afterEachStart(c, awaitNoneLeft) },
	}
}

// awaitNoneLeft waits for the end of the server, and then for that of all that it started.
func awaitNoneLeft(ctx context.Context, rig scenario.Rig, request []byte) error {
	s, err := startSession(ctx, rig)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	go func() { _, _ = io.Copy(io.Discard, s.conn) }() // ends with the Close above
	if err := s.end(rig, request); err != nil {
		return err
	}
	if err := s.awaitServerGone(ctx, rig); err != nil {
		return nil // pipes/exits-at-eof tells that
	}
	if left := s.awaitStill(ctx, nil, s.left); len(left) > 0 {
		return fmt.Errorf("the server has ended and left a process running: %s%s", nameProcesses(left), s.whatIsOpen(left))
	}
	return nil
}

// whatIsOpen tells whether one of the processes has the server's standard error open.
func (s *session) whatIsOpen(pids []int) string {
	errors, err := os.Readlink(fdPath(s.starter, 2))
	for _, pid := range pids {
		if err == nil && holds(pid, errors) {
			return ", with standard error open"
		}
	}
	return ""
}
