// Package scenario describes what is tested and how: the targets of a
// configuration, the conversation they hold, and scenarios as values, each with
// its faults and its expectations. It describes and judges; it runs nothing.
//
//	config, err := scenario.LoadConfig("harness.yaml")
//	for _, target := range config.Targets {
//		fmt.Println(target.Name, s.Fits(target))
//	}
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

// ServerRole, Clients and Anyone are the roles that a scenario is for.
func ServerRole() []Role { return []Role{Server} }
func ClientRole() []Role { return []Role{Client} }
func AnyRole() []Role    { return []Role{Server, Client} }

// IncomingDirection returns the direction of the bytes that arrive at a peer of role r.
func (r Role) IncomingDirection() event.Direction {
	if r == Client {
		return event.Downstream
	}
	return event.Upstream
}

// ProxySide returns the role as a party of a proxied connection.
func (r Role) ProxySide() event.Side { return event.Side(r) }

// A Peer is one end of a conversation as configured: exactly one of Command,
// Address and Dialogue is set.
type Peer struct {
	Command  []string   `json:"command,omitempty"`  // with {host} {port} {addr} {path} {tmp} {scenario} {self} {ca} {cert} {key}
	Address  string     `json:"address,omitempty"`  // host:port, unix:path or udp:host:port, of a server that runs already
	Dialogue *Source    `json:"dialogue,omitempty"` // what the harness sends and expects as this peer; nil: a command or an address is the peer
	Ready    peer.Ready `json:"ready,omitzero"`     // sign that the server is ready, besides its LISTEN socket
	Scope    Scope      `json:"scope,omitempty"`    // how long a started server lives; empty: [PerSuite]
	Env      []string   `json:"env,omitempty"`      // environment variables of the command

	ConnectsTo []string `json:"connects_to,omitempty"` // host:port that the program of a client has built in; empty: its command says where to connect

	Transport Transport `json:"transport,omitempty"` // empty: see [Target.Transport]
	Listen    string    `json:"listen,omitempty"`    // address of this host at which a client under test finds its server; empty: 127.0.0.1
}

// Absent reports whether the target does not name the peer at all: scenario files
// play it.
func (p Peer) Absent() bool { return len(p.Command) == 0 && p.Address == "" && p.Dialogue == nil }

// Lone reports whether the target has only the peer under test.
func (t Target) Lone() bool { return t.Server.Absent() || t.Client.Absent() }

// A Source is where a dialogue comes from: the text of a file, or what flags
// send and expect. The text travels with the target, so that editing the file
// during a run has no effect.
type Source struct {
	File   string   `json:"file,omitempty"`   // path of the dialogue; empty: flags say it
	Text   []byte   `json:"text,omitempty"`   // content of the file
	Send   []string `json:"send,omitempty"`   // what flags send, in order
	Expect []string `json:"expect,omitempty"` // what flags expect, in order
	Await  bool     `json:"await,omitempty"`  // what Send says without an Expect awaits any one message

	StartsTLS   bool `json:"starts_tls,omitempty"`   // it goes on in TLS after an exchange; [Source.Check] finds that
	SecuresData bool `json:"secures_data,omitempty"` // a data connection of it begins with TLS; the same

	Framing string `json:"framing,omitempty"` // of what flags send and expect; empty: lines where all of it ends in line ends, else none
}

// ParseDialogue reads the dialogue.
func (s Source) ParseDialogue() (*dialogue.Dialogue, error) {
	if len(s.Send)+len(s.Expect) > 0 {
		return s.dialogueFromFlags()
	}
	return dialogue.Parse(s.File, s.Text)
}

// Check reads the dialogue for what is wrong with it, and for what a target must know of it.
func (s *Source) Check() error {
	d, err := s.ParseDialogue()
	s.StartsTLS, s.SecuresData = err == nil && d.StartsTLS(), err == nil && d.SecuresData()
	return err
}

func (s Source) dialogueFromFlags() (*dialogue.Dialogue, error) {
	d, err := dialogue.FromFlags(s.Send, s.Expect)
	if err == nil && s.Framing != "" {
		err = d.SetFraming(s.Framing)
	}
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
	Name     string                   `json:"name" jsonschema:"required,description=Name of the target."`
	Server   Peer                     `json:"server" jsonschema:"description=Who is connected to."`
	Client   Peer                     `json:"client" jsonschema:"description=Who connects."`
	Test     Role                     `json:"test" jsonschema:"enum=server,enum=client,enum=both,description=Who is under test. Default: every side that is a command or an address."`
	Policies Policies                 `json:"policies,omitzero" jsonschema:"description=Legitimate designs that the target declares."`
	Services []Service                `json:"services,omitempty" jsonschema:"description=Programs that those of the target need: started before them in this order\\, ended after them."`
	State    State                    `json:"state,omitempty" jsonschema:"description=What conversations share. Without: the control runs find it."` // of the server
	Oracles  map[string]outcome.Level `json:"oracles,omitempty" jsonschema:"description=Other levels of default oracles by name."`                   // [Off] too
	Planted  string                   `json:"planted,omitempty" jsonschema:"description=The scenario that a deliberately broken program must fail."`
	TLS      *TLSFiles                `json:"tls,omitempty" jsonschema:"description=Certificates of a conversation over TLS. Without: the harness makes them."`
	Dir      string                   `json:"dir,omitempty" jsonschema:"-"`      // working directory of commands
	Recorded *Recorded                `json:"recorded,omitempty" jsonschema:"-"` // what two programs without a dialogue say to each other; nil: nobody has listened
}

// Recorded is what the two programs of a target say to each other, so that each of them can
// be tested with the harness at the other end.
type Recorded struct {
	Client *Source `json:"client,omitempty"` // for the harness as client; nil: the server does not keep to it
	Server *Source `json:"server,omitempty"` // for the harness as server; nil: the client does not keep to it
}

// IsPair reports whether the target is two programs that are both under test, with no
// dialogue.
func (t Target) IsPair() bool {
	return t.Test == Both && t.Client.Dialogue == nil && t.Server.Dialogue == nil && len(t.Client.Command) > 0 && !t.Server.Absent()
}

// InRole returns the target with the peer of one role under test: where that was recorded,
// the harness is the other one.
func (t Target) InRole(role Role) Target {
	transport := t.Transport()
	switch r := t.Recorded; {
	case r == nil:
	case role == Server && r.Client != nil:
		t.Client, t.Test, t.Recorded = Peer{Dialogue: r.Client, Transport: transport}, Server, nil
	case role == Client && r.Server != nil:
		t.Server, t.Test, t.Recorded = Peer{Dialogue: r.Server, Transport: transport, Listen: t.Server.Listen}, Client, nil
	}
	return t
}

// TestedRoles returns the roles that are under test.
func (t Target) TestedRoles() []Role {
	if t.Test == Both {
		return []Role{Server, Client}
	}
	return []Role{t.Test}
}

// TestsRole reports whether the peer of role r is under test.
func (t Target) TestsRole(r Role) bool { return t.Test == Both || t.Test == r }

// ParseDialogue returns the dialogue of the target: that of the client, else that of
// the server, else nil (two programs, or addresses, with no script). One that begins TLS
// after an exchange is returned from there on.
func (t Target) ParseDialogue() (*dialogue.Dialogue, error) {
	_, rest, err := t.parseDialogues()
	return rest, err
}

// ParseBeforeTLS returns what is said before TLS; nil where TLS begins with the connection, or
// there is none.
func (t Target) ParseBeforeTLS() (*dialogue.Dialogue, error) {
	before, _, err := t.parseDialogues()
	return before, err
}

func (t Target) parseDialogues() (before, rest *dialogue.Dialogue, err error) {
	for _, p := range []Peer{t.Client, t.Server} {
		if p.Dialogue != nil {
			d, err := p.Dialogue.ParseDialogue()
			if err != nil {
				return nil, nil, err
			}
			before, rest = d.SplitTLS()
			return before, rest, nil
		}
	}
	return nil, nil, nil
}

// StartsTLS reports whether the conversation begins in plaintext and goes on in TLS.
func (t Target) StartsTLS() bool { return t.source().StartsTLS }

// SecuresData reports whether a data connection of the conversation begins with TLS.
func (t Target) SecuresData() bool { return t.source().SecuresData }

// source is where the target's dialogue comes from; zero where it has none.
func (t Target) source() Source {
	for _, p := range []Peer{t.Client, t.Server} {
		if p.Dialogue != nil {
			return *p.Dialogue
		}
	}
	return Source{}
}

// ErrUnsupported is what [Scenario.Variants] returns, wrapped with a reason,
// when the scenario cannot be played to a target.
var ErrUnsupported = errors.New("unsupported")
