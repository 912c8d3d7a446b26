package scenariofile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/toxics/spec"
)

// A session is one attempt at a scenario: its connections and what it captured.
type session struct {
	definition *Definition
	rig        scenario.Rig
	framing    dialogue.Framing
	budget     time.Duration // for what should happen at once
	vars       *variables
	subject    scenario.ClientUnderTest // the client under test; nil until it runs
	start      start
	follow     bool           // over UDP the server answers from another port
	datagrams  *datagramProxy // nil: the steps are played over TCP

	accepting sync.Mutex // held by who waits for the next connection

	mu          sync.Mutex // guards what follows
	connections []*connection
	dialled     int
	faults      []spec.Spec
	restores    []func() error
}

// A failure is a step that did not happen as written.
type failure struct {
	node *strictyaml.Node
	who  string
	err  error
}

func (f *failure) Error() string {
	place := fmt.Sprintf("%s:%d", filepath.Base(f.node.File()), f.node.Line())
	if f.who == "" {
		return fmt.Sprintf("%s: %v", place, f.err)
	}
	return fmt.Sprintf("%s: %s: %v", place, f.who, f.err)
}

func (f *failure) Unwrap() error { return f.err }

// playSteps does the steps in order and ends every connection that is left. It blocks
// until all of that is done.
func (s *session) playSteps(ctx context.Context) error {
	steps := s.definition.Steps
	defer s.closeAll()
	if s.definition.Role != scenario.Server {
		// What the proxy does first, the client meets at its first connect.
		for len(steps) > 0 && steps[0].Proxy != nil {
			if err := s.runStep(ctx, steps[0]); err != nil {
				return err
			}
			steps = steps[1:]
		}
		subject, err := s.rig.StartClient(ctx)
		if err != nil {
			return err
		}
		defer subject.Close()
		s.subject = subject
	}
	if s.definition.Transport == UDP {
		if err := s.startDatagrams(ctx); err != nil {
			return err
		}
		defer s.datagrams.close()
	}
	if s.definition.comparesUsage() {
		var err error
		if s.start, err = s.measure(); err != nil && !errors.Is(err, scenario.ErrUnsupported) {
			return err
		}
	}
	return s.runSteps(ctx, steps)
}

func (s *session) closeAll() {
	s.mu.Lock()
	all := s.connections
	s.connections = nil
	s.mu.Unlock()
	for _, c := range all {
		_ = c.closeConn(false)
	}
	for _, restore := range s.restores {
		_ = restore() // the program may be gone
	}
}

func (s *session) runSteps(ctx context.Context, steps []Step) error {
	for _, step := range steps {
		if err := s.runStep(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) runStep(ctx context.Context, step Step) error {
	switch {
	case step.Together != nil:
		return s.runLanes(ctx, step.Together)
	case step.Repeat != nil:
		for range step.Repeat.Times {
			if err := s.runSteps(ctx, step.Repeat.Steps); err != nil {
				return err
			}
		}
		return nil
	case step.Boundary:
		return stepError(step.Node, "", s.awaitBoundary(ctx))
	case step.Process != nil:
		return stepError(step.Node, string(step.Process.Side), s.treat(ctx, step.Process))
	case step.Proxy != nil:
		return stepError(step.Node, "proxy", s.alter(step.Proxy))
	case step.Check != nil:
		return stepError(step.Check.Node, "check", s.check(ctx, step.Check))
	}
	return stepError(step.Action.Node, step.Name, s.runAction(ctx, step.Name, step.Action))
}

// stepError says where and on which connection an error came up; nil stays nil.
func stepError(n *strictyaml.Node, who string, err error) error {
	if err == nil || errors.As(err, new(*failure)) {
		return err
	}
	return &failure{node: n, who: who, err: err}
}

// runLanes plays the lanes side by side and waits for all of them. The first
// failure ends the others.
func (s *session) runLanes(ctx context.Context, lanes [][]Step) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(lanes))
	for _, lane := range lanes {
		go func() { failed <- s.runSteps(ctx, lane) }()
	}
	var first error
	for range lanes {
		if err := <-failed; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// findConnection returns the open connection of that name, or nil.
func (s *session) findConnection(name string) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.connections, func(c *connection) bool { return c.name == name })
	if at < 0 {
		return nil
	}
	return s.connections[at]
}

// openConnection returns the connection of that name, and opens it at its first use.
func (s *session) openConnection(ctx context.Context, name string) (*connection, error) {
	if c := s.findConnection(name); c != nil {
		return c, nil
	}
	if s.definition.Role == scenario.Client {
		// The program may only just have been started.
		limited, cancel := context.WithTimeout(ctx, startBudget+s.budget)
		defer cancel()
		return s.accept(limited, name)
	}
	limited, cancel := context.WithTimeout(ctx, s.budget)
	defer cancel()
	conn, err := s.dial(limited)
	if err != nil {
		return nil, fmt.Errorf("could not connect: %w", err)
	}
	return s.addConnection(name, conn), nil
}

// dial connects to the server through the proxy.
func (s *session) dial(ctx context.Context) (sock.Conn, error) {
	if s.datagrams != nil {
		return s.datagrams.dial(ctx)
	}
	return s.rig.DialProxy(ctx)
}

// accept returns the connection of that name, once the client has made it: "server
// 2" is the second one.
func (s *session) accept(ctx context.Context, name string) (*connection, error) {
	s.accepting.Lock()
	defer s.accepting.Unlock()
	for {
		if c := s.findConnection(name); c != nil {
			return c, nil
		}
		conn, err := s.rig.Accept(ctx)
		if err != nil {
			return nil, fmt.Errorf("the client has not connected: %w", err)
		}
		s.addConnection(s.nextName(), conn)
	}
}

// nextName is what the next connection of the client is called.
func (s *session) nextName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dialled == 0 {
		return string(scenario.Server)
	}
	return fmt.Sprintf("%s %d", scenario.Server, s.dialled+1)
}

func (s *session) addConnection(name string, conn sock.Conn) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	c := newConnection(name, s.vars.keys.Connection(), conn)
	s.connections = append(s.connections, c)
	return c
}

// dropConnection ends a connection; its next use opens another one.
func (s *session) dropConnection(c *connection, reset bool) error {
	s.mu.Lock()
	s.connections = slices.DeleteFunc(s.connections, func(other *connection) bool { return other == c })
	s.mu.Unlock()
	return c.closeConn(reset)
}

// awaitBoundary blocks until the peer under test has read all that was sent.
func (s *session) awaitBoundary(ctx context.Context) error {
	s.mu.Lock()
	all := slices.Clone(s.connections)
	s.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, s.budget)
	defer cancel()
	for _, c := range all {
		if c.sentBytes() == 0 {
			continue
		}
		if err := s.rig.AwaitDelivered(limited, c.conn, int64(c.sentBytes())); err != nil {
			return fmt.Errorf("boundary: the %s sent on %s were not read: %w", plural.Count(c.sentBytes(), "byte"), c.name, err)
		}
	}
	return nil
}

// runAction does the parts of an action in their order.
func (s *session) runAction(ctx context.Context, name string, a *Action) error {
	if a.Expect != nil && a.Expect.wantsEnding(Refused) && s.datagrams == nil && s.findConnection(name) == nil && a.Send == nil {
		return s.expectRefused(ctx, name, a.Expect)
	}
	c, err := s.openConnection(ctx, name)
	if err != nil {
		return err
	}
	if a.Send != nil {
		if err := s.sendMessage(ctx, c, a.Send); err != nil {
			return err
		}
	}
	if a.Shutdown {
		if err := c.conn.CloseWrite(); err != nil {
			return fmt.Errorf("shutdown: %w", err)
		}
	}
	if a.Expect != nil {
		if err := s.expectOption(ctx, c, a.Expect); err != nil {
			return err
		}
	}
	if a.Close || a.Reset {
		return s.dropConnection(c, a.Reset)
	}
	return nil
}

// messageBytes returns what the message is on the connection in the given direction.
func (s *session) messageBytes(c *connection, m *dialogue.Message, direction event.Direction) (dialogue.Pattern, error) {
	framing := s.framing
	if direction == event.Upstream {
		framing = framing.FromClient()
	}
	return m.ExpandPattern(framing, s.messageSeed(m).NewRand(), s.vars.lookupFor(c))
}

// sentDirection is where the side that is played sends.
func (s *session) sentDirection() event.Direction {
	if s.definition.Role == scenario.Client {
		return event.Downstream
	}
	return event.Upstream
}

// expectedDirection is where what the played side expects comes from.
func (s *session) expectedDirection() event.Direction {
	if s.definition.Role == scenario.Client {
		return event.Upstream
	}
	return event.Downstream
}

// messageSeed gives a message the same random bytes in each attempt.
func (s *session) messageSeed(m *dialogue.Message) seed.Source {
	return seed.New(int64(m.Line)).SplitN(uint64(m.Column))
}

func (s *session) sendMessage(ctx context.Context, c *connection, m *dialogue.Message) error {
	p, err := s.messageBytes(c, m, s.sentDirection())
	if err != nil {
		return err
	}
	b, err := p.SentBytes()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, s.budget)
	defer cancel()
	if s.framing.Kind == dialogue.HTTP {
		c.noteAsked(b)
	}
	return c.sendBytes(limited, b)
}

// expectRefused wants the connect itself to fail.
func (s *session) expectRefused(ctx context.Context, name string, e *Expect) error {
	limited, cancel := context.WithTimeout(ctx, s.expectLimit(e))
	defer cancel()
	conn, err := s.rig.DialRefused(limited)
	if err == nil {
		c := s.addConnection(name, conn)
		if len(e.Options) == 1 {
			return errors.New("the connect was accepted, want refused")
		}
		return s.expectOption(ctx, c, e)
	}
	if ending := dialogue.EndingOf(err); ending != event.Refused {
		return fmt.Errorf("the connect ended with %s, want refused", endingWord(ending))
	}
	return nil
}

func (s *session) expectLimit(e *Expect) time.Duration {
	if e.Within > 0 {
		return e.Within
	}
	return s.budget
}
