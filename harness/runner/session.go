package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/sock"
)

// errDisturbed is wrapped by the error of a conversation that goes wrong beside another one: an answer
// differs, or the stream ends. A conversation without an answer in time may wait for its turn, and
// tells nothing.
var errDisturbed = errors.New("disturbed")

// A session is a conversation that is held exchange by exchange, without a proxy.
type session struct {
	conn   sock.Conn
	script *dialogue.Script // with the words of its connection
	next   int              // the exchange to be held
}

func (t trial) openSession(ctx context.Context, script *dialogue.Script) (*session, error) {
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, script: script.ForConnection()}, nil
}

// step holds the next exchange.
func (s *session) step(ctx context.Context) error {
	one := *s.script
	one.Steps = s.script.Steps[s.next : s.next+1]
	if s.next > 0 {
		one.Greeting = nil
	}
	s.next++
	played := one.PlayClient(ctx, s.conn, dialogue.Options{NoEnd: true})
	switch {
	case played.Mismatch == nil && played.Steps == 1:
		return nil
	case played.Mismatch == nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case played.Mismatch != nil:
		return fmt.Errorf("%w: %w", errDisturbed, played.Mismatch)
	}
	return fmt.Errorf("%w: exchange %d has no answer: %s", errDisturbed, s.next, played.Ending.Text())
}

// steps holds the exchanges up to number n.
func (s *session) steps(ctx context.Context, n int) error {
	for s.next < n {
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close ends the connection and waits until the server has, too.
func (s *session) close() {
	s.conn.Close()
	rig.AwaitReleased(context.Background(), s.conn)
}
