package scenario

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/spec"
)

// A Process is a program under test as an act may treat it and look at it: the
// process that was started, and its descendants.
type Process interface {
	// Signal sends a signal to the process group. One that ends programs is no crash
	// of a server from then on.
	Signal(syscall.Signal) error
	// Pause stops all of them (SIGSTOP) until Resume; it blocks until they stand still.
	Pause(ctx context.Context) error
	Resume() error
	// LimitDescriptors lets each of them open no more than room descriptors beyond
	// those it has (RLIMIT_NOFILE, prlimit(2)), until restore.
	LimitDescriptors(room int) (restore func() error, err error)
	// Usage tells what they hold now.
	Usage() (probe.Usage, error)
	// Spin blocks while it measures how busy they are over the given time.
	Spin(ctx context.Context, over time.Duration) (probe.Busy, error)
	// Output returns what they have written on stdout, and then on stderr, so far.
	Output() ([]byte, error)
	// Exit returns how the first process has ended, and whether it has.
	Exit() (peer.Exit, bool)
	// AwaitExit blocks until the first process has ended, or the context ends.
	AwaitExit(ctx context.Context) (peer.Exit, error)
	// Tree returns the ids of those that run.
	Tree() []int
}

// A ScriptRig is what an act of a scenario file may do beside [Rig].
type ScriptRig interface {
	// ServerProcess returns the program of the server; an error where it is none of ours.
	ServerProcess() (Process, error)
	// ServerAddr returns where the server listens: the one of the target, or the
	// listener of [Variant].Listen.
	ServerAddr() string
	// ProxyAddr returns where the variant's proxy listens.
	ProxyAddr() string
	// Accept blocks until a connection has come to the listener of [Variant].Listen.
	// The caller closes it.
	Accept(ctx context.Context) (sock.Conn, error)
	// SetFaults puts these faults in place of those that the proxy has now; they act
	// on open connections, too.
	SetFaults([]spec.Spec) error
	// AwaitEvent blocks until an event for which match is true has happened.
	AwaitEvent(ctx context.Context, match func(event.Event) bool) (event.Event, error)
	// Events returns what has happened so far.
	Events() []event.Event
	// DialRefused is for a connect that should be refused: through the proxy where
	// that refuses, else to the server itself, as the proxy accepts before it connects.
	DialRefused(ctx context.Context) (sock.Conn, error)
	// AwaitDelivered blocks until the peer under test has read the first n bytes
	// that were written to conn, which leads to it through the proxy. The error is
	// that of the context when it ends first, or sock.ErrUnsupported.
	AwaitDelivered(ctx context.Context, conn net.Conn, n int64) error
}
