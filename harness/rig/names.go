package rig

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// clientNames is the name service of a target's clients; it begins with the first of them. It is
// safe for concurrent use.
type clientNames struct {
	mu     sync.Mutex            // guards what follows
	opened bool                  // it was
	names  *scenario.NameService // nil: the client connects to no name
}

// Open returns the service, and starts it first where it does not run; nil: the client connects
// to no name. The caller must Close.
func (n *clientNames) Open(ctx context.Context, client scenario.Peer) (*scenario.NameService, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opened {
		return n.names, nil
	}
	var err error
	n.names, err = client.ServeNames(ctx, nil, nil)
	n.opened = err == nil
	return n.names, err
}

// Close ends the service, and waits for it. It may be called more than once.
func (n *clientNames) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names.Close()
	n.names, n.opened = nil, false
}

// serveNames starts a name server with the fault for the variant.
func (s *variantSetup) serveNames(ctx context.Context, f scenario.NameFault) (err error) {
	s.names, err = s.testbed.target.Client.ServeNames(ctx, &f, func(name string) {
		if s.questions.add() {
			s.log.AddEvent(event.Event{Kind: event.Struck, Toxic: event.ByScenario, Detail: fmt.Sprintf("asked for %s, the name server %s", name, f)})
		}
	})
	if err == nil && s.names == nil {
		err = fmt.Errorf("%w: the client connects to no name", scenario.ErrUnsupported)
	}
	return err
}

// missedNames is why the fault of the name server did not strike; nil: it did, or there was none.
func (s *variantSetup) missedNames() error {
	if s.names == nil || len(s.questions.times()) > 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", scenario.ErrUnsupported, s.names.UnaskedReason())
}

// nameQuestions are those that a client asked a name server with a fault. It is safe for concurrent use.
type nameQuestions struct {
	mu    sync.Mutex // guards what follows
	start time.Time  // of the first question
	at    scenario.Questions
}

// add notes a question, and reports whether it is the first one.
func (q *nameQuestions) add() (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if first = len(q.at) == 0; first {
		q.start = time.Now()
	}
	q.at = append(q.at, time.Since(q.start))
	return first
}

// times returns when there was a question so far.
func (q *nameQuestions) times() scenario.Questions {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.at)
}
