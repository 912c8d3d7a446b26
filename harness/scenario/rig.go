package scenario

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A Rig is what the Run of a variant may do to the peer under test and see of it. A
// function that needs a part of it takes that part.
type Rig interface {
	ConversationRig
	ServerRig
	KernelRig
	ClientRig
	ScriptRig
	WireRig
}

// A ConversationRig talks to the server under test as its client. What it dials, the caller closes.
type ConversationRig interface {
	// DialServer connects to the server under test without a proxy. The caller closes.
	DialServer(ctx context.Context) (sock.Conn, error)
	// DialProxy connects to the server through the variant's proxy, with its
	// faults. The caller closes.
	DialProxy(ctx context.Context) (sock.Conn, error)
	// DialWindow is DialServer with a window on our side, of which the server can fill no more.
	DialWindow(ctx context.Context, w hook.SocketLimits) (sock.Conn, error)
	// RunConversation plays the target's conversation on a fresh connection.
	RunConversation(ctx context.Context) (dialogue.Played, error)
	// FirstExchange is FirstExchanges on one fresh connection, without a proxy.
	FirstExchange(ctx context.Context) error
	// FirstExchanges holds the first exchange of the target's dialogue on each of the
	// connections, on all of them at once, and closes each when it has its answer. It
	// blocks for the case's budget at most, and less when the server is proven to
	// wait forever or to spin; the error, of the first that has no answer, tells.
	FirstExchanges(ctx context.Context, conns ...sock.Conn) error
	// HoldShortSend holds the target's conversation on a fresh connection, without a proxy,
	// and makes a send of the server's short. It reports that as struck. The error wraps
	// [ErrUnsupported] or sock.ErrUnsupported where that cannot be done to this server.
	HoldShortSend(ctx context.Context, s ShortSend) error
	// HoldShortRequest runs the client under test against a server of the act's own, without a
	// proxy, and makes the send of a request short that is its first one, or follows a reply or the
	// greeting. It reports that as struck. The errors are those of HoldShortSend.
	HoldShortRequest(ctx context.Context, s ShortSend) error
	// WatchProgress returns a context that ends when the case's budget is over, and sooner
	// when the server is proven to wait forever or to spin; its cause is a sentence
	// on that. idle reports whether nothing is under way on our side; moved grows
	// while bytes move. stop must be called; it waits.
	WatchProgress(ctx context.Context, idle func() bool, moved func() int64) (watched context.Context, stop func())
	// ReportStruck says that the act put the peer into the situation it is about.
	ReportStruck(detail string)
}

// A ServerRig treats the processes of the server under test.
type ServerRig interface {
	// PauseServer stops all threads of the server's processes (SIGSTOP) until ResumeServer;
	// it blocks until they stand still.
	PauseServer(ctx context.Context) error
	// ResumeServer lets them run again.
	ResumeServer() error
	// RestartServer stops the server as a service manager would and starts it again
	// on the same port. It returns the error of the new start.
	RestartServer(ctx context.Context) error
	// TerminateServer sends SIGTERM to the server's first process, as a service manager
	// does, and does not wait. Its end is no crash then; StartServer starts it again.
	TerminateServer() error
	// AwaitExit blocks until that process has ended, and tells how. It ends sooner,
	// with an error that says so, when the server is proven to wait forever.
	AwaitExit(ctx context.Context) (peer.Exit, error)
	// StartServer starts the server again, on the port it had, after AwaitExit.
	StartServer(ctx context.Context) error
	// StartSecondInstance starts the server a second time, told to listen at the address
	// ("127.0.0.1:80", "unix:/run/a.sock"), and blocks until that process has ended, is
	// proven to wait forever, or the context ends. It leaves nothing of it.
	StartSecondInstance(ctx context.Context, address string) (SecondInstance, error)
	// LimitDescriptors lets each of the server's processes open no more than room
	// descriptors beyond those it has (RLIMIT_NOFILE, prlimit(2)), until restore is called.
	LimitDescriptors(room int) (restore func() error, err error)
	// SendSIGCHLD sends the server's processes SIGCHLD, which by itself does nothing.
	SendSIGCHLD() error
	// ServerUsage tells what the server's processes hold now, but for the states and addresses of
	// their sockets, which would be most of its cost.
	ServerUsage() (probe.Usage, error)
	// MeasureSpin blocks while it measures how busy the server is over the given time.
	MeasureSpin(ctx context.Context, over time.Duration) (probe.Busy, error)
}

// A KernelRig tells what the kernel knows of the server and of its connections.
type KernelRig interface {
	// WasAccepted reports whether the server has accepted conn.
	WasAccepted(conn sock.Conn) (bool, error)
	// AwaitAccepted blocks until the server has accepted conn, and returns a
	// function that blocks until the server has closed its end of it, or the context
	// ends, and reports which of them; with one that has ended it tells at once.
	AwaitAccepted(ctx context.Context, conn sock.Conn) (closed func(context.Context) bool, err error)
	// AwaitRead blocks until the server has read the first n bytes sent on conn.
	AwaitRead(ctx context.Context, conn sock.Conn, n int) error
	// AwaitAsleep blocks until every thread of the server's processes sleeps, or
	// has ended.
	AwaitAsleep(ctx context.Context) error
	// AwaitStuck blocks until the server is proven to wait forever, and tells in
	// which call. What the act has sent must have been read, unless the server is
	// not to read it. neverReads: the act never reads what the server has sent. The error
	// is that of the context when it ends first, or sock.ErrUnsupported.
	AwaitStuck(ctx context.Context, neverReads bool) (string, error)
	// ServerListeners returns the sockets that listen at the server's address.
	ServerListeners() ([]sock.Listener, error)
	// DescriptorsExhausted reports whether one of the server's processes has all the
	// descriptors that it may have.
	DescriptorsExhausted() (bool, error)
}
