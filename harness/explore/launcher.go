package explore

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A launcher starts the programs of a target, and what the harness puts before them.
type launcher struct {
	target        scenario.Target
	programs      *rig.Programs
	certification *scenario.Certification // nil on other transports
	before        *dialogue.Script        // what is said before TLS; nil: nothing
}

// newLauncher makes a folder for the programs, which stays, and the certificates. The error
// wraps [ErrUnusable] where the target is to blame.
func newLauncher(o Options) (*launcher, error) {
	if o.Target.Transport().IsStdio() {
		return nil, fmt.Errorf("%w: the server talks on standard input and output, where nothing tells what it has read; harness run builtin:pipes has the faults of that", ErrUnusable)
	}
	folder, err := os.MkdirTemp(o.Tmp, "peer-")
	if err != nil {
		return nil, err
	}
	l := &launcher{target: o.Target, programs: rig.NewPrograms(rig.Config{Tmp: folder, Self: o.Self, StartTimeout: o.StartTimeout}, o.Target)}
	if l.certification, err = l.programs.Certify(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	l.before, err = o.resolveBefore()
	return l, err
}

// secureData returns the script with TLS on the data connections that begin with it.
func (l *launcher) secureData(s *dialogue.Script) *dialogue.Script {
	if l.certification == nil {
		return s
	}
	return s.WithDataSecurity(l.certification.SecureData)
}

// startServer starts the server of the target, or finds it at its address; then there is
// no process. The error wraps [ErrUnusable].
func (l *launcher) startServer(ctx context.Context) (*peer.Process, way, error) {
	if err := l.programs.StartServices(ctx); err != nil {
		return nil, way{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	process, address, err := l.programs.StartServer(ctx)
	if err != nil {
		return nil, way{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return process, way{address, l.certification, l.before, l.target.Policies.TransferPort}, nil
}

// startClient starts the client of the target, to which the harness is the server at an
// address, and the services before it.
func (l *launcher) startClient(ctx context.Context, address string) (*peer.Process, error) {
	if err := l.programs.StartServices(ctx); err != nil {
		return nil, err
	}
	return l.programs.StartClient(ctx, rig.ClientOptions{Address: address})
}

// bindPort takes a port for the harness as the server of a client.
func (l *launcher) bindPort() (*sock.Port, error) {
	address, err := l.programs.ListenAddress()
	if err != nil {
		return nil, err
	}
	return sock.BindAddress(address, hook.SocketLimits{})
}

// startRelay passes a client on to the server, and records what they say. Over UDP nothing
// is recorded.
func (l *launcher) startRelay(to way) (*capture.Relay, error) {
	if l.target.Transport() == scenario.UDP {
		return nil, errors.New("what two programs say over UDP is not recorded: give the target a dialogue")
	}
	address, err := l.programs.ListenAddress()
	if err != nil {
		return nil, err
	}
	if c := l.certification; c != nil {
		return capture.StartTLSRelay(address, to.address, c.Server, c.Client)
	}
	return capture.StartRelay(address, to.address)
}

// close stops the services. It may be called more than once, and on nil.
func (l *launcher) close() {
	if l != nil {
		l.programs.Close()
	}
}
