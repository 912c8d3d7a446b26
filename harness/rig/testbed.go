// Package rig sets up one variant of a scenario: it starts the peers of a target, puts a proxy
// with the faults between them, lets them talk, and tells what was seen. It judges nothing.
//
//	b := rig.NewTestbed(rig.Config{Seed: 7, Tmp: folder}, target)
//	defer b.Close()
//	err := b.Start(ctx)                                        // the services and the server
//	control, err := b.HoldControl(ctx)                         // the conversation without a fault
//	b.SetConversation(control.Conversation)
//	seen, recording, err := b.Play(ctx, c, variant, rig.Options{Scenario: s.ID})
//
// A [Testbed] lasts as long as the target's server. What a variant needs beside that, its proxy
// and its log, lasts for one Play; the code of a variant is given it as a [scenario.Rig].
package rig

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
)

// A Config says how a testbed starts its peers, and what it keeps of what they say.
type Config struct {
	Seed         int64         // seed of all that is random
	StartTimeout time.Duration // until a server must listen; 0: 10 s
	Tmp          string        // directory for the files of processes
	Self         string        // path of the harness binary, for {self} in commands
	Record       bool          // keep what passes the proxies
	Shared       *Shared       // with other testbeds; nil: nothing is
}

// withDefaults fills in what is shared with nobody.
func (c Config) withDefaults() Config {
	if c.Shared == nil {
		c.Shared = &Shared{book: newAddressBook(c.Tmp), proofSlot: make(chan struct{}, 1)}
	}
	return c
}

// A Testbed is one target with its server and its services running.
type Testbed struct {
	config   Config
	target   scenario.Target
	seed     seed.Source
	programs *Programs
	script   *dialogue.Script        // nil when neither peer is a dialogue; of what is said in TLS, where that begins later
	before   *dialogue.Script        // what is said before TLS; nil: nothing is
	tls      *scenario.Certification // nil on other transports, and before it is needed

	conversation scenario.Conversation // see SetConversation

	retriesOn   atomic.Bool  // the client was still trying to connect when its time was over
	idleSockets atomic.Int64 // that the server has open when nobody talks to it
	unsettled   atomic.Int64 // times that it had more of them for long, see SettleSockets
	dialed      sync.Map     // netip.AddrPort: where proxies have connected to the server from
	leavers     atomic.Int64 // connections past the proxy in the last control that had any

	mu         sync.Mutex // guards what follows; held while the server starts
	server     *peer.Process
	terminated bool   // the server was asked to end
	address    string // of the server, when it is not a dialogue
	closed     bool
}

// NewTestbed returns the testbed of a target, on which nothing is started yet. The caller
// must Close it.
func NewTestbed(c Config, t scenario.Target) *Testbed {
	c = c.withDefaults()
	return &Testbed{config: c, target: t, seed: seed.New(c.Seed).SplitBy(t.Name), programs: NewPrograms(c, t)}
}

// Clone returns another testbed of the target, on which nothing is started yet. It knows the
// conversation, and shares what is given. The caller must Close it.
func (b *Testbed) Clone(s *Shared) *Testbed {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.config
	c.Shared = s
	clone := &Testbed{config: c, target: b.target, seed: b.seed, script: b.script, before: b.before, tls: b.tls, conversation: b.conversation, programs: b.programs.clone(c)}
	clone.retriesOn.Store(b.retriesOn.Load())
	return clone
}

// Start starts the services and the server of the target, unless they run. It blocks until
// they are ready. The error wraps [scenario.ErrUnsupported] where this machine cannot do what
// the target wants, and [ErrNotReachable] where the target has an address at which nobody
// listens; of a program that does not start it is a *peer.Error.
func (b *Testbed) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed
	}
	if err := b.checkListenHost(ctx); err != nil {
		return err
	}
	if err := b.loadScript(); err != nil {
		return err
	}
	if b.tls == nil && b.target.Transport() == scenario.TLS {
		var err error
		if b.tls, err = b.programs.Certify(); err != nil {
			return err
		}
		if b.target.SecuresData() {
			b.script = b.script.WithDataSecurity(b.tls.SecureData)
		}
	}
	if err := b.programs.StartServices(ctx); err != nil {
		return err
	}
	return b.startServerLocked(ctx)
}

// Close stops the server and the services, and waits for them. It may be called more than
// once.
func (b *Testbed) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.server != nil {
		b.server.Close()
		b.server = nil
	}
	b.programs.Close()
}

// Script returns what the dialogue of the target says, once Start has returned; nil: neither
// peer is a dialogue.
func (b *Testbed) Script() *dialogue.Script { return b.script }

// Conversation returns what SetConversation was given last.
func (b *Testbed) Conversation() scenario.Conversation { return b.conversation }

// SetConversation says how the conversation goes without any fault: how long it takes, and
// what conversations share. It must not be called while a variant is run.
func (b *Testbed) SetConversation(c scenario.Conversation) { b.conversation = c }

// State returns what conversations share on the server, as far as that is known.
func (b *Testbed) State() scenario.State { return b.conversation.State }

// CanRunTwice reports whether there may be more than one server of the target at a time.
func (b *Testbed) CanRunTwice() bool {
	s := b.target.Server
	return s.Dialogue != nil || s.Address == "" && b.programs.command(s).TakesAddress()
}

func (b *Testbed) loadScript() error {
	if b.script != nil {
		return nil
	}
	d, err := b.target.ParseDialogue()
	if err != nil || d == nil {
		return err
	}
	b.script, err = d.ScriptWithKeys(b.seed.SplitBy("dialogue"), dialogue.NewKeys(b.config.Tmp))
	if err == nil {
		err = b.loadBefore()
	}
	if err != nil {
		return err
	}
	if b.script.ConnectionCount() > 0 {
		return b.prepareDataConnections()
	}
	if b.transport() == scenario.UDP {
		b.script = b.script.WithDatagrams()
	}
	return nil
}

// loadBefore reads what is said before TLS.
func (b *Testbed) loadBefore() error {
	d, err := b.target.ParseBeforeTLS()
	if err != nil || d == nil {
		return err
	}
	b.before, err = d.ScriptWithKeys(b.seed.SplitBy("before TLS"), dialogue.NewKeys(b.config.Tmp))
	return err
}

// prepareDataConnections says where the data connections of the script lead.
func (b *Testbed) prepareDataConnections() error {
	if t := b.transport(); t != scenario.TCP && t != scenario.TLS {
		return fmt.Errorf("%w: the dialogue connects to a port, and the transport is %s", scenario.ErrUnsupported, t)
	}
	if host, _, err := net.SplitHostPort(b.target.Server.Address); err == nil {
		b.script = b.script.WithDataHost(host)
	}
	return nil
}
