package scenario

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
	"github.com/sockharness/harness/toxics"
)

// A Scenario is one named check. It is a value: what it does to a target is
// its variants, what it wants to see is each variant's expectations.
type Scenario struct {
	ID        string // topic/name, for ever
	Title     string // one line: what a correct peer does
	Rationale string // why that matters, and what breaks
	Ref       string // RFC, man page, issue
	Level     outcome.Level
	Roles     []Role // of the peer under test
	// Variants derives what is to be played from the case. It returns an error
	// that wraps ErrUnsupported, with a reason, when the case does not allow it.
	Variants func(Case) ([]Variant, error)
}

// Topic returns the part of the ID before the slash.
func (s Scenario) Topic() string {
	topic, _, _ := strings.Cut(s.ID, "/")
	return topic
}

// For reports whether the scenario is for peers of role r.
func (s Scenario) For(r Role) bool {
	for _, role := range s.Roles {
		if role == r {
			return true
		}
	}
	return false
}

// A Case is one scenario on one target in one role, with what the control run
// found.
type Case struct {
	Target       Target
	Role         Role
	Conversation Conversation
	Budget       time.Duration // for what should happen at once
	Slow         string        // why the budget is more than was asked for; empty: it is not
	Limit        int           // how many variants are affordable
}

// Toward returns the stream that arrives at the peer under test.
func (c Case) Toward() Stream { return c.Conversation.Stream(c.Role.Toward()) }

// From returns the stream that the peer under test sends.
func (c Case) From() Stream { return c.Conversation.Stream(c.Role.Toward().Opposite()) }

// Unsupported returns the error for a case that the scenario cannot be played to.
func (c Case) Unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// Patience is how long a client under test may take to give up.
func (c Case) Patience() time.Duration {
	if c.Target.Policies.AnswerTimeout > 0 {
		return c.Target.Policies.AnswerTimeout + c.Budget
	}
	return c.Budget
}

// A Gate says how the proxy receives connects at the start of a variant.
type Gate string

// The gates.
const (
	Accepting  Gate = ""
	Refusing   Gate = "refuse"
	BlackHoled Gate = "black-hole"
)

// A Variant is one way to play a scenario: one value of what it sweeps over.
type Variant struct {
	Name      string // "byte=12"; empty when there is but one
	Faults    []toxics.Spec
	Script    *dialogue.Script // to be played instead of the whole conversation
	Pipelined bool             // the client dialogue sends all at once
	NoEnd     bool             // the client dialogue leaves the connection open
	Gate      Gate
	OpenAfter time.Duration // a gate that is not Accepting accepts after this long
	Budget    time.Duration // for the whole variant; zero: the case's
	// Act is played instead of a conversation.
	Act func(context.Context, Rig) error
	// Proof returns why the variant was not played as meant although its faults,
	// if any, have struck. Nil: nothing else has to be proven.
	Proof  func(Observation) error
	Level  outcome.Level // instead of the scenario's
	Expect []Expectation
}

// A Rig is what a variant's Act may do to the peer under test and see of it.
type Rig interface {
	ClientRig
	// AwaitStuck blocks until the server is proven to wait for ever, and tells in
	// which call. What the act has sent must have been read, unless the server is
	// not to read it. Deaf: the act never reads what the server has sent. The error
	// is that of the context when it ends first, or sock.ErrUnsupported.
	AwaitStuck(ctx context.Context, deaf bool) (string, error)
	// Dial connects to the server under test without a proxy. The caller closes.
	Dial(ctx context.Context) (sock.Conn, error)
	// Converse plays the target's conversation on a fresh connection.
	Converse(ctx context.Context) (dialogue.Played, error)
	// Pause stops the server's processes in their tracks (SIGSTOP) until Resume;
	// it blocks until they stand still.
	Pause(ctx context.Context) error
	Resume() error
	// Restart stops the server as a service manager would and starts it again
	// on the same port. It returns the error of the new start.
	Restart(ctx context.Context) error
	// Struck says that the act put the peer into the situation it is about.
	Struck(detail string)
	// Accepted reports whether the server has accepted conn.
	Accepted(conn sock.Conn) (bool, error)
	// DialProxy connects to the server through the variant's proxy, with its
	// faults. The caller closes.
	DialProxy(ctx context.Context) (sock.Conn, error)
	// Usage tells what the server's processes hold now.
	Usage() (probe.Usage, error)
	// Spin blocks while it measures how busy the server is over the given time.
	Spin(ctx context.Context, over time.Duration) (probe.Busy, error)
	// LimitDescriptors lets each of the server's processes open no more than room
	// descriptors beyond those it has (RLIMIT_NOFILE, prlimit(2)), until restore.
	LimitDescriptors(room int) (restore func() error, err error)
	// Terminate sends SIGTERM to the server's first process, as a service manager
	// does, and does not wait. Its end is no crash then; Start starts it again.
	Terminate() error
	// AwaitExit blocks until that process has ended, and tells how. It ends sooner,
	// with an error that says so, when the server is proven to wait for ever.
	AwaitExit(ctx context.Context) (peer.Exit, error)
	// Start starts the server again, on the port it had, after AwaitExit.
	Start(ctx context.Context) error
	// AwaitAccepted blocks until the server has accepted conn, and returns a
	// function that blocks until the server has closed its end of it, or the context
	// ends, and reports which of them; with one that has ended it tells at once.
	AwaitAccepted(ctx context.Context, conn sock.Conn) (closed func(context.Context) bool, err error)
	// AwaitRead blocks until the server has read the first n bytes sent on conn.
	AwaitRead(ctx context.Context, conn sock.Conn, n int) error
	// AwaitAsleep blocks until every thread of the server's processes sleeps, or
	// has ended.
	AwaitAsleep(ctx context.Context) error
	// Nudge sends the server's processes SIGCHLD, which by itself does nothing.
	Nudge() error
	// StartBeside starts the server a second time, told to listen on addr, and
	// blocks until that process has ended, is proven to wait for ever, or the
	// context ends. It leaves nothing of it.
	StartBeside(ctx context.Context, addr netip.AddrPort) (Beside, error)
	// Greet is Ask on a fresh connection, without a proxy.
	Greet(ctx context.Context) error
	// Ask holds the first exchange of the target's dialogue on each of the
	// connections, on all of them at once, and closes each when it has its answer. It
	// blocks for the case's budget at most, and less when the server is proven to
	// wait for ever or to spin; the error, of the first that has no answer, tells.
	Ask(ctx context.Context, conns ...sock.Conn) error
	// Watch returns a context that ends when the case's budget is over, and sooner
	// when the server is proven to wait for ever or to spin; its cause is a sentence
	// on that. idle reports whether nothing is under way on our side; moved grows
	// while bytes move. stop must be called; it waits.
	Watch(ctx context.Context, idle func() bool, moved func() int64) (watched context.Context, stop func())
	// DialWindow is Dial with a window on our side, of which the server can fill no more.
	DialWindow(ctx context.Context, w wire.Window) (sock.Conn, error)
	// Listeners returns the sockets that listen at the server's address.
	Listeners() ([]sock.Listener, error)
	// Exhausted reports whether one of the server's processes has all the
	// descriptors that it may have.
	Exhausted() (bool, error)
}
