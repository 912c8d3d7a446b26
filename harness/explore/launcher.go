package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A launcher starts the programs of a target behind its services, and knows the words that
// their commands ask for: certificates, paths of sockets, and where services listen.
type launcher struct {
	options       Options
	certification *scenario.Certification // nil on other transports
	before        *dialogue.Script        // what is said before TLS; nil: nothing
	services      *rig.Services           // that the programs need
	folder        string                  // {tmp}, and where paths lie; it stays
	paths         atomic.Int64            // of sockets of ours that were made

	names rig.ClientNames // of clients, once one was started
}

// newLauncher makes the folder and the certificates. The error wraps [ErrUnusable].
func newLauncher(o Options) (*launcher, error) {
	transport := o.Target.Transport()
	if transport.IsStdio() {
		return nil, fmt.Errorf("%w: the server talks on standard input and output, where nothing tells what it has read; harness run builtin:pipes has the faults of that", ErrUnusable)
	}
	folder, err := os.MkdirTemp(o.Tmp, "peer-")
	if err != nil {
		return nil, err
	}
	l := &launcher{options: o, folder: folder, services: rig.NewServices(rig.Config{Tmp: folder, Self: o.Self, StartTimeout: o.StartTimeout}, o.Target)}
	if transport == scenario.TLS {
		if l.certification, err = scenario.Certify(o.Target, folder); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
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

// command makes the program of a peer.
func (l *launcher) command(p scenario.Peer) peer.Command {
	args := make([]string, len(p.Command))
	for i, word := range l.certification.ExpandWords(l.services.Expand(p.Command)) {
		args[i] = strings.ReplaceAll(word, "{self}", l.options.Self)
	}
	c := peer.Command{Args: args, Dir: l.options.Target.Dir, Env: l.certification.ExpandWords(l.services.Expand(p.Env)), Ready: p.Ready, StartTimeout: l.options.StartTimeout}
	if l.options.Target.Transport() == scenario.Unix {
		c.Network = "unix"
	}
	return c
}

// startServer starts the server of the target, or finds it at its address; then there is
// no process. The error wraps [ErrUnusable].
func (l *launcher) startServer(ctx context.Context) (*peer.Process, way, error) {
	if err := l.services.Start(ctx); err != nil {
		return nil, way{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	var process *peer.Process
	address, err := l.options.Target.Server.Address, error(nil)
	if address == "" {
		process, address, err = l.launch(ctx)
	} else {
		address, err = l.reach(ctx, address)
	}
	if err != nil {
		return nil, way{}, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return process, way{address, l.certification, l.before, l.options.Target.Policies.TransferPort}, nil
}

// launch starts the program, and returns where it is reached.
func (l *launcher) launch(ctx context.Context) (*peer.Process, string, error) {
	command, vars := l.command(l.options.Target.Server), peer.Vars{Tmp: l.folder}
	switch l.options.Target.Transport() {
	case scenario.UDP:
		process, at, err := command.StartDatagramServer(ctx, vars)
		return process, udpPrefix + at.String(), err
	case scenario.Unix:
		var err error
		if vars.Path, err = l.freePath("s"); err != nil {
			return nil, "", err
		}
	}
	process, err := command.StartServer(ctx, vars)
	if err != nil {
		return nil, "", err
	}
	return process, process.Address(), nil
}

// udpPrefix is what the address of a server of UDP begins with.
const udpPrefix = "udp:"

// reach looks whether a server listens that somebody else has started. Of UDP nothing
// tells.
func (l *launcher) reach(ctx context.Context, address string) (string, error) {
	if l.options.Target.Transport() == scenario.UDP {
		return udpPrefix + l.options.Target.DatagramServer(), nil
	}
	network, at, err := sock.ParseAddress(address)
	if err == nil {
		err = peer.Address{Network: network, Addr: at}.CheckListening(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("the server cannot be reached: %w", err)
	}
	return address, nil
}

// freePath returns a path of a unix socket. What a server that was killed has left there is
// removed.
func (l *launcher) freePath(name string) (string, error) {
	path := filepath.Join(l.folder, name)
	if len(path) > sock.UnixPathMax {
		return "", fmt.Errorf("the folder for sockets is too deep: %s has %s, %d is the most; set TMPDIR to a shorter one", path, plural.Count(len(path), "byte"), sock.UnixPathMax)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("socket file of the server: %w", err)
	}
	return path, nil
}

// close stops the services. It may be called more than once, and on nil.
func (l *launcher) close() {
	if l != nil {
		l.services.Close()
		l.names.Close()
	}
}

// listenHost is where clients of TCP and UDP find the harness.
func (l *launcher) listenHost() string {
	return net.JoinHostPort(cmp.Or(l.options.Target.Server.Listen, "127.0.0.1"), "0")
}

// bindPort takes a port for the harness as the server of a client.
func (l *launcher) bindPort() (*sock.Port, error) {
	if l.options.Target.Transport() != scenario.Unix {
		return sock.BindPort(l.listenHost(), hook.SocketLimits{})
	}
	path, err := l.freePath(fmt.Sprintf("p%d", l.paths.Add(1)))
	if err != nil {
		return nil, err
	}
	return sock.BindUnix(path)
}

// startRelay passes a client on to the server, and records what they say. Over UDP nothing
// is recorded.
func (l *launcher) startRelay(to way) (*capture.Relay, error) {
	switch c := l.certification; l.options.Target.Transport() {
	case scenario.UDP:
		return nil, errors.New("what two programs say over UDP is not recorded: give the target a dialogue")
	case scenario.TLS:
		return capture.StartTLSRelay(l.listenHost(), to.address, c.Server, c.Client)
	case scenario.Unix:
		path, err := l.freePath("r")
		if err != nil {
			return nil, err
		}
		return capture.StartRelay("unix:"+path, to.address)
	}
	return capture.StartRelay(l.listenHost(), to.address)
}

// startClient starts the client of the target, to which the harness is the server at an
// address, and the services before it.
func (l *launcher) startClient(ctx context.Context, address string) (*peer.Process, error) {
	if err := l.services.Start(ctx); err != nil {
		return nil, err
	}
	vars := peer.VarsAt(address)
	vars.Tmp = l.folder
	command := l.command(l.options.Target.Client)
	var err error
	if command.OnConnect, err = l.options.Target.Client.RedirectConnects(ctx, address); err != nil {
		return nil, err
	}
	names, err := l.names.Open(ctx, l.options.Target.Client)
	if err != nil {
		return nil, err
	}
	names.GiveTo(ctx, &command)
	return command.StartClient(ctx, vars)
}
