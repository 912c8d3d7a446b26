// Package scenario describes what is tested and how: the targets of a
// configuration, the conversation they hold, and scenarios as values, each with
// its faults and its expectations. It describes and judges; it runs nothing.
package scenario

import (
	"errors"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
)

// A Role is the part of a peer: who connects is the client.
type Role string

// The roles. Both is for [Target.Test] only.
const (
	Server Role = "server"
	Client Role = "client"
	Both   Role = "both"
)

// Servers, Clients and Anyone are the roles that a scenario is for.
func Servers() []Role { return []Role{Server} }
func Clients() []Role { return []Role{Client} }
func Anyone() []Role  { return []Role{Server, Client} }

// Toward returns the direction of the bytes that arrive at a peer of role r.
func (r Role) Toward() event.Direction {
	if r == Client {
		return event.Downstream
	}
	return event.Upstream
}

// Side returns the role as a party of a proxied connection.
func (r Role) Side() event.Side { return event.Side(r) }

// A Peer is one end of a conversation as configured: exactly one of Command,
// Address and Dialogue is set.
type Peer struct {
	Command  []string   `json:"command,omitempty"` // with {host} {port} {addr} {tmp} {scenario} {self}
	Address  string     `json:"address,omitempty"` // host:port, of a server that runs already
	Dialogue *Source    `json:"dialogue,omitempty"`
	Ready    peer.Ready `json:"ready,omitzero"`
	Scope    Scope      `json:"scope,omitempty"`
	Env      []string   `json:"env,omitempty"`
}

// A Source is where a dialogue comes from: the text of a file, or what flags
// send and expect. The text travels with the target, so that editing the file
// during a run has no effect.
type Source struct {
	File   string   `json:"file,omitempty"`
	Text   []byte   `json:"text,omitempty"`
	Send   []string `json:"send,omitempty"`
	Expect []string `json:"expect,omitempty"`
	Await  bool     `json:"await,omitempty"` // what Send says without an Expect awaits any one message
}

// Parse reads the dialogue.
func (s Source) Parse() (*dialogue.Dialogue, error) {
	if len(s.Send)+len(s.Expect) > 0 {
		return s.flags()
	}
	return dialogue.Parse(s.File, s.Text)
}

func (s Source) flags() (*dialogue.Dialogue, error) {
	d, err := dialogue.FromFlags(s.Send, s.Expect)
	if err == nil && s.Await {
		err = d.AwaitAnswers()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// A Scope says how long a started server lives.
type Scope string

// The scopes.
const (
	PerSuite    Scope = "suite" // started once per worker; the default
	PerScenario Scope = "scenario"
)

// A Target is an entry of a configuration: two peers, and which of them is
// under test.
type Target struct {
	Name     string                   `json:"name"`
	Server   Peer                     `json:"server"`
	Client   Peer                     `json:"client"`
	Test     Role                     `json:"test"`
	Policies Policies                 `json:"policies,omitzero"`
	Oracles  map[string]outcome.Level `json:"oracles,omitempty"` // other levels of default oracles, by name; [Off]
	Planted  string                   `json:"planted,omitempty"` // the scenario that a deliberately broken program must fail
	Dir      string                   `json:"dir,omitempty"`     // working directory of commands
}

// Roles returns the roles that are under test.
func (t Target) Roles() []Role {
	if t.Test == Both {
		return []Role{Server, Client}
	}
	return []Role{t.Test}
}

// Tests reports whether the peer of role r is under test.
func (t Target) Tests(r Role) bool { return t.Test == Both || t.Test == r }

// Dialogue returns the dialogue of the target: that of the client, else that of
// the server, else nil (two programs, or addresses, with no script).
func (t Target) Dialogue() (*dialogue.Dialogue, error) {
	for _, p := range []Peer{t.Client, t.Server} {
		if p.Dialogue != nil {
			return p.Dialogue.Parse()
		}
	}
	return nil, nil
}

// ErrUnsupported is what [Scenario.Variants] returns, wrapped with a reason,
// when the scenario cannot be played to a target.
var ErrUnsupported = errors.New("unsupported")
