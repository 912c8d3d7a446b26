package scenario

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/toxics/spec"
)

// A Scenario is one named check. It is a value: what it does to a target is
// its variants, what it wants to see is each variant's expectations.
type Scenario struct {
	ID        string        // topic/name, forever
	Title     string        // one line: what a correct peer does
	Rationale string        // why that matters, and what breaks
	Ref       string        // RFC, man page, issue
	Level     outcome.Level // what a violation costs
	Roles     []Role        // of the peer under test; Both: the target's own client and server talk to each other
	Targets   []string      // globs of the names of targets that it is for, as [path.Match] takes them; empty: any
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
	Target       Target        // what is tested
	Role         Role          // which of its peers
	Conversation Conversation  // what the control found
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
	Name        string           // "byte=12"; empty when there is but one
	Faults      []spec.Spec      // what must strike
	Profile     []spec.Spec      // harmless faults beside those, which need not strike
	Script      *dialogue.Script // to be played instead of the whole conversation
	Data        int              // number of the data connection that the faults are for, from 1; 0: they are for the first connection
	Before      bool             // the faults are for what is said in plaintext before TLS
	Pipelined   bool             // the client dialogue sends all at once
	NoEnd       bool             // the client dialogue leaves the connection open
	AcceptMode  AcceptMode       // how the proxy receives connects at first
	AcceptAfter time.Duration    // a gate that is not Accepting accepts after this long
	Budget      time.Duration    // for the whole variant; zero: the case's
	// Listen puts a listener of the act behind the proxy, instead of the target's
	// server; see [ScriptRig].Accept.
	Listen bool
	// Wire has the proxy of a target on TLS carry the records as they are, between the
	// program under test and an act that speaks TLS itself; see [WireRig].
	Wire bool
	// Connect says how the connects of a client that the harness starts end. Nil: as they
	// would by themselves.
	Connect *ConnectFault
	// Names says what becomes of the names that such a client connects to. Nil: they lead to
	// its server.
	Names *NameFault
	// Host is what such a client is told as {host}; empty: the address.
	Host string
	// NeverAnswers says that the act, once a client waits for it, sends nothing more, so that
	// it may be proven to wait forever.
	NeverAnswers bool
	// Answer says what a played server answers over UDP. Nil: what the dialogue says.
	Answer func(DatagramRequest) []DatagramReply
	// Run runs instead of a conversation.
	Run func(context.Context, Rig) error
	// Proof returns why the variant was not played as meant although its faults,
	// if any, have struck. Nil: nothing else has to be proven.
	Proof   func(Observation) error
	Level   outcome.Level // instead of the scenario's
	Declare string        // the line of YAML that would give it the scenario's level; empty: it has that
	Expect  []Expectation // what must be seen afterwards
	// Control is run when the variant fails: the same without what it is about. Nil:
	// the target's control is enough.
	Control *Control
}
