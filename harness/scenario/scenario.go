package scenario

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// A Scenario is one named check. It is a value: what it does to a target is
// its variants, what it wants to see is each variant's expectations.
type Scenario struct {
	ID        string // topic/name, for ever
	Title     string // one line: what a correct peer does
	Rationale string // why that matters, and what breaks
	Ref       string // RFC, man page, issue
	Level     outcome.Level
	Roles     []Role   // of the peer under test; Both: the target's own client and server talk to each other
	Targets   []string // globs of the names of targets that it is for, as [path.Match] takes them; empty: any
	// Transports are those that it is for; empty: every one that carries a stream.
	Transports []Transport
	// Alone is set where the acts play the other peer, so that a target needs none.
	Alone bool
	// Variants derives what is to be played from the case. It returns an error
	// that wraps ErrUnsupported, with a reason, when the case does not allow it.
	Variants func(Case) ([]Variant, error)
}

// TopicName returns the part of the ID before the slash.
func (s Scenario) TopicName() string {
	topic, _, _ := strings.Cut(s.ID, "/")
	return topic
}

// AppliesTo reports whether the scenario is for peers of role r.
func (s Scenario) AppliesTo(r Role) bool {
	for _, role := range s.Roles {
		if role == r {
			return true
		}
	}
	return false
}

// Fits reports whether the scenario is for the target: one of its roles is under
// test there, its globs match the name, in which a slash is no border, and there is
// another peer, or it plays that itself.
func (s Scenario) Fits(t Target) bool {
	flat := func(name string) string { return strings.ReplaceAll(name, "/", "\x00") }
	named := len(s.Targets) == 0
	for _, glob := range s.Targets {
		match, err := path.Match(flat(glob), flat(t.Name))
		named = named || err == nil && match
	}
	return named && s.carriedBy(t.Transport()) && len(s.RolesOn(t)) > 0 && (s.Alone || !t.Lone())
}

// RolesOn returns the roles in which the scenario is played to the target. One that
// is for both is played once.
func (s Scenario) RolesOn(t Target) []Role {
	var roles []Role
	for _, role := range t.TestedRoles() {
		if s.AppliesTo(role) {
			roles = append(roles, role)
		}
	}
	if s.AppliesTo(Both) && len(roles) == 0 {
		return t.TestedRoles()[len(t.TestedRoles())-1:]
	}
	return roles
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

// Incoming returns the stream that arrives at the peer under test.
func (c Case) Incoming() Stream { return c.Conversation.StreamOf(c.Role.IncomingDirection()) }

// Outgoing returns the stream that the peer under test sends.
func (c Case) Outgoing() Stream {
	return c.Conversation.StreamOf(c.Role.IncomingDirection().Opposite())
}

// UnsupportedErrorf returns the error for a case that the scenario cannot be played to.
func (c Case) UnsupportedErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// GiveUpTimeout is how long a client under test may take to give up.
func (c Case) GiveUpTimeout() time.Duration {
	if c.Target.Policies.AnswerTimeout > 0 {
		return c.Target.Policies.AnswerTimeout + c.Budget
	}
	return c.Budget
}

// An AcceptMode says how the proxy receives connects at the start of a variant.
type AcceptMode string

// The gates.
const (
	Accepting  AcceptMode = ""
	Refusing   AcceptMode = "refuse"
	BlackHoled AcceptMode = "black-hole"
)

// A Variant is one way to play a scenario: one value of what it sweeps over.
type Variant struct {
	Name        string // "byte=12"; empty when there is but one
	Faults      []spec.Spec
	Profile     []spec.Spec      // harmless faults beside those, which need not strike
	Script      *dialogue.Script // to be played instead of the whole conversation
	Pipelined   bool             // the client dialogue sends all at once
	NoEnd       bool             // the client dialogue leaves the connection open
	AcceptMode  AcceptMode
	AcceptAfter time.Duration // a gate that is not Accepting accepts after this long
	Budget      time.Duration // for the whole variant; zero: the case's
	// Listen puts a listener of the act behind the proxy, instead of the target's
	// server; see [ScriptRig].Accept.
	Listen bool
	// Wire has the proxy of a target on TLS carry the records as they are, between the
	// program under test and an act that speaks TLS itself; see [WireRig].
	Wire bool
	// NeverAnswers says that the act, once a client waits for it, sends nothing more, so that
	// it may be proven to wait for ever.
	NeverAnswers bool
	// Answer says what a played server answers over UDP. Nil: what the dialogue says.
	Answer func(DatagramRequest) []DatagramReply
	// Run is played instead of a conversation.
	Run func(context.Context, Rig) error
	// Proof returns why the variant was not played as meant although its faults,
	// if any, have struck. Nil: nothing else has to be proven.
	Proof   func(Observation) error
	Level   outcome.Level // instead of the scenario's
	Declare string        // the line of YAML that would give it the scenario's level; empty: it has that
	Expect  []Expectation
	// Control is run when the variant fails: the same without what it is about. Nil:
	// the target's control is enough.
	Control *Control
}

// A Rig is what a variant's Act may do to the peer under test and see of it.
type Rig interface {
	ClientRig
	ScriptRig
	WireRig
	// AwaitStuck blocks until the server is proven to wait for ever, and tells in
	// which call. What the act has sent must have been read, unless the server is
	// not to read it. neverReads: the act never reads what the server has sent. The error
	// is that of the context when it ends first, or sock.ErrUnsupported.
	AwaitStuck(ctx context.Context, neverReads bool) (string, error)
	// DialServer connects to the server under test without a proxy. The caller closes.
	DialServer(ctx context.Context) (sock.Conn, error)
	// RunConversation plays the target's conversation on a fresh connection.
	RunConversation(ctx context.Context) (dialogue.Played, error)
	// PauseServer stops the server's processes in their tracks (SIGSTOP) until Resume;
	// it blocks until they stand still.
	PauseServer(ctx context.Context) error
	ResumeServer() error
	// RestartServer stops the server as a service manager would and starts it again
	// on the same port. It returns the error of the new start.
	RestartServer(ctx context.Context) error
	// ReportStruck says that the act put the peer into the situation it is about.
	ReportStruck(detail string)
	// WasAccepted reports whether the server has accepted conn.
	WasAccepted(conn sock.Conn) (bool, error)
	// DialProxy connects to the server through the variant's proxy, with its
	// faults. The caller closes.
	DialProxy(ctx context.Context) (sock.Conn, error)
	// ServerUsage tells what the server's processes hold now.
	ServerUsage() (probe.Usage, error)
	// MeasureSpin blocks while it measures how busy the server is over the given time.
	MeasureSpin(ctx context.Context, over time.Duration) (probe.Busy, error)
	// LimitDescriptors lets each of the server's processes open no more than room
	// descriptors beyond those it has (RLIMIT_NOFILE, prlimit(2)), until restore.
	LimitDescriptors(room int) (restore func() error, err error)
	// TerminateServer sends SIGTERM to the server's first process, as a service manager
	// does, and does not wait. Its end is no crash then; Start starts it again.
	TerminateServer() error
	// AwaitExit blocks until that process has ended, and tells how. It ends sooner,
	// with an error that says so, when the server is proven to wait for ever.
	AwaitExit(ctx context.Context) (peer.Exit, error)
	// StartServer starts the server again, on the port it had, after AwaitExit.
	StartServer(ctx context.Context) error
	// AwaitAccepted blocks until the server has accepted conn, and returns a
	// function that blocks until the server has closed its end of it, or the context
	// ends, and reports which of them; with one that has ended it tells at once.
	AwaitAccepted(ctx context.Context, conn sock.Conn) (closed func(context.Context) bool, err error)
	// AwaitRead blocks until the server has read the first n bytes sent on conn.
	AwaitRead(ctx context.Context, conn sock.Conn, n int) error
	// AwaitAsleep blocks until every thread of the server's processes sleeps, or
	// has ended.
	AwaitAsleep(ctx context.Context) error
	// SendSIGCHLD sends the server's processes SIGCHLD, which by itself does nothing.
	SendSIGCHLD() error
	// StartSecondInstance starts the server a second time, told to listen at the address
	// ("127.0.0.1:80", "unix:/run/a.sock"), and blocks until that process has ended, is
	// proven to wait for ever, or the context ends. It leaves nothing of it.
	StartSecondInstance(ctx context.Context, address string) (SecondInstance, error)
	// FirstExchange is Ask on a fresh connection, without a proxy.
	FirstExchange(ctx context.Context) error
	// FirstExchanges holds the first exchange of the target's dialogue on each of the
	// connections, on all of them at once, and closes each when it has its answer. It
	// blocks for the case's budget at most, and less when the server is proven to
	// wait for ever or to spin; the error, of the first that has no answer, tells.
	FirstExchanges(ctx context.Context, conns ...sock.Conn) error
	// WatchProgress returns a context that ends when the case's budget is over, and sooner
	// when the server is proven to wait for ever or to spin; its cause is a sentence
	// on that. idle reports whether nothing is under way on our side; moved grows
	// while bytes move. stop must be called; it waits.
	WatchProgress(ctx context.Context, idle func() bool, moved func() int64) (watched context.Context, stop func())
	// DialWindow is Dial with a window on our side, of which the server can fill no more.
	DialWindow(ctx context.Context, w hook.SocketLimits) (sock.Conn, error)
	// ServerListeners returns the sockets that listen at the server's address.
	ServerListeners() ([]sock.Listener, error)
	// DescriptorsExhausted reports whether one of the server's processes has all the
	// descriptors that it may have.
	DescriptorsExhausted() (bool, error)
}
