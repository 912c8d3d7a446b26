package shutdown

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
)

// askedInQueue sends the first request over a connection that the server has not accepted
// yet, because it is paused, asks the server to end and lets it go on.
func askedInQueue(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		if err := rig.PauseServer(ctx); err != nil {
			return err
		}
		defer rig.ResumeServer()
		conn, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, secure := scenario.BelowTLS(conn); secure {
			return fmt.Errorf("%w: on TLS a request waits for the handshake, so none can be in the accept queue", scenario.ErrUnsupported)
		}
		request := s.ForConnection().Steps[0]
		if _, err := conn.Write(request.Send); err != nil {
			return err
		}
		if request.ShutdownWrite {
			if err := conn.CloseWrite(); err != nil {
				return err
			}
		}
		if err := rig.TerminateServer(); err != nil {
			return err
		}
		rig.ReportStruck("SIGTERM while a request waited in the accept queue")
		if err := rig.ResumeServer(); err != nil {
			return err
		}
		answer := *scenario.FirstExchanges(s, 1)
		request.Send, request.ShutdownWrite = nil, false
		answer.Steps = []dialogue.Step{request}
		played := answer.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
		conn.Close()
		exit, err := rig.AwaitExit(ctx)
		return errors.Join(checkAnswered(played, 1, "SIGTERM while the request waited in the accept queue"), uncleanExit(exit, err))
	}
}
