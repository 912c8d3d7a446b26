package explore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/scenario"
)

// recordTimes is how many conversations of two programs a dialogue is made of, and
// recordTime is how long a client may take for one.
const (
	recordTimes = 3
	recordTime  = 30 * time.Second
)

// RecordDialogue lets the two programs of a target speak to each other, and returns
// targets in which one of them is under test and the other one is what was recorded.
// The notes say what was inferred. The error wraps [ErrUnusable].
func RecordDialogue(ctx context.Context, o Options) (server, client scenario.Target, notes []string, err error) {
	fail := func(err error) (scenario.Target, scenario.Target, []string, error) {
		return o.Target, o.Target, notes, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	s := &serverSubject{options: o}
	defer s.close()
	if err := s.start(ctx); err != nil {
		return o.Target, o.Target, nil, err
	}
	relay, err := s.launcher.startRelay(s.way)
	if err != nil {
		return fail(err)
	}
	defer relay.Close()
	for range recordTimes {
		if err := runClient(ctx, s.launcher, relay.Addr()); err != nil {
			return fail(err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, slowWait)
	defer cancel()
	all, err := relay.WaitConversations(limited, recordTimes)
	if err != nil {
		return fail(err)
	}
	text, notes, err := capture.WriteDialogue("recorded", all, capture.Options{})
	if err != nil {
		return fail(err)
	}
	literal, _, err := capture.WriteDialogue("recorded", all, capture.Options{Literal: true})
	if err != nil {
		return fail(err)
	}
	of := func(text []byte) scenario.Peer {
		return scenario.Peer{Dialogue: &scenario.Source{File: "recorded.yaml", Text: text}, Transport: o.Target.Transport()}
	}
	server, client = o.Target, o.Target
	server.Client, server.Test = of(text), scenario.Server
	client.Server, client.Test = of(literal), scenario.Client
	return server, client, notes, nil
}

// RecordPair is [RecordDialogue] for a run: of the two dialogues it returns those to which
// the program under test keeps, and says of the other one why it does not.
func RecordPair(ctx context.Context, o Options) (*scenario.Recorded, []string, error) {
	server, client, notes, err := RecordDialogue(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	all := &scenario.Recorded{}
	for _, side := range []struct {
		target scenario.Target
		said   *scenario.Source
		keep   **scenario.Source
	}{{server, server.Client.Dialogue, &all.Client}, {client, client.Server.Dialogue, &all.Server}} {
		o.Target, o.Role = side.target, side.target.Test
		err := checkConversation(ctx, o)
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			notes = append(notes, fmt.Sprintf("the %s is tested with the real program only: %s", o.Role, strings.TrimPrefix(err.Error(), ErrUnusable.Error()+": ")))
		default:
			*side.keep = side.said
		}
	}
	return all, notes, nil
}

// checkConversation looks whether the target holds its conversation, alone and side by side.
func checkConversation(ctx context.Context, o Options) error {
	e, err := newSearch(ctx, o)
	if err == nil {
		e.subject.close()
	}
	return err
}

// runClient runs the client of a target once.
func runClient(ctx context.Context, l *launcher, addr string) error {
	p, err := l.startClient(ctx, addr)
	if err != nil {
		return err
	}
	defer p.Close()
	limited, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	exit, err := p.WaitExit(limited)
	switch {
	case err != nil:
		return fmt.Errorf("the client had not ended after %s", recordTime)
	case exit.Code != 0:
		return fmt.Errorf("the client fails without any fault: %s%s", exit, lastWords(p.Stderr().TailBytes()))
	}
	return nil
}
