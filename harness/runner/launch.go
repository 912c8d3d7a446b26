package runner

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// launchServer starts the server and returns where it listens.
func (b *testbed) launchServer(ctx context.Context, s scenario.Peer) (*peer.Process, string, error) {
	command := b.expandCommand(s)
	vars := peer.Vars{Tmp: b.folder}
	switch b.transport() {
	case scenario.UDP:
		return b.launchDatagramServer(ctx, command)
	case scenario.Unix:
		if err := b.freePathLocked(); err != nil {
			return nil, "", err
		}
		vars.Path = b.path
	}
	process, err := command.StartServer(ctx, vars)
	if err != nil {
		return nil, "", err
	}
	return process, process.Address(), nil
}

// launchDatagramServer starts a server of datagrams on a free port, or on the one that it
// chooses.
func (b *testbed) launchDatagramServer(ctx context.Context, command peer.Command) (*peer.Process, string, error) {
	var failed error
	for range portTries {
		var want netip.AddrPort
		if command.TakesPort() {
			free, err := freeUDPAddr()
			if err != nil {
				return nil, "", err
			}
			want = free
		}
		process, at, err := startDatagramServer(ctx, command, want, b.folder)
		if err == nil {
			return process, udpPrefix + at.String(), nil
		}
		failed = err
		if !want.IsValid() || !errors.Is(err, errEndedEarly) {
			break
		}
	}
	return nil, "", failed
}

// portTries is how often a server is started that ends before it has its port: another
// program may have taken that meanwhile, or the one of TCP with the same number.
const portTries = 4

// udpPrefix is what the address of a server of datagrams begins with.
const udpPrefix = "udp:"

// relaunchServer starts the server on the port it had.
func (b *testbed) relaunchServer(ctx context.Context) (*peer.Process, error) {
	command := b.expandCommand(b.target.Server)
	if b.transport() == scenario.UDP {
		at, err := netip.ParseAddrPort(strings.TrimPrefix(b.address, udpPrefix))
		if err != nil {
			return nil, err
		}
		process, _, err := startDatagramServer(ctx, command, at, b.folder)
		return process, err
	}
	vars := peer.VarsAt(b.address)
	vars.Tmp = b.folder
	return command.StartServer(ctx, vars)
}

// startDatagramServer starts a server and blocks until its port is taken, where the system
// tells. It returns where the server is reached.
func startDatagramServer(ctx context.Context, command peer.Command, want netip.AddrPort, folder string) (*peer.Process, netip.AddrPort, error) {
	vars := peer.Vars{Tmp: folder}
	if want.IsValid() {
		vars = peer.VarsAt(want.String())
		vars.Tmp = folder
	}
	command.Ready.NoListen = true
	process, err := command.StartServer(ctx, vars)
	if err != nil {
		return nil, want, err
	}
	limited, cancel := context.WithTimeout(ctx, 6*max(command.StartTimeout, defaultStart))
	defer cancel()
	at, err := awaitUDPSocket(limited, process, want.Port())
	if err != nil {
		process.Close()
		return nil, want, &peer.Error{Op: "server", Command: command, Err: err}
	}
	return process, at, nil
}
