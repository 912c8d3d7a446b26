package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// ErrNotReachable is wrapped by the error of a server's address at which nobody listens.
var ErrNotReachable = errors.New("the server cannot be reached")

// udpPrefix is what the address of a server of datagrams begins with.
const udpPrefix = "udp:"

// StartServices starts the services, one after the other, unless they run, and blocks until the
// last of them listens. One that does not start is an error, and one that has ended by itself is
// a *peer.Error: nothing can be judged without it.
func (p *Programs) StartServices(ctx context.Context) error { return p.services.Start(ctx) }

// ServiceTree returns the ids of the services' processes: what a server waits for may come from
// them.
func (p *Programs) ServiceTree() []int { return p.services.ProcessTree() }

// StartServer starts the server of the target and blocks until it is ready. It returns the
// process, which the caller must close, and where it is reached. A target may have the address
// of a server instead, then the process is nil, and the error wraps [ErrNotReachable] where
// nobody listens there; of UDP nothing tells. Another error is a *peer.Error. One server may run at
// a time: the next one gets the same {tmp} and {path}.
func (p *Programs) StartServer(ctx context.Context) (*peer.Process, string, error) {
	switch address := p.target.Server.Address; {
	case address == "":
	case p.transport() == scenario.UDP:
		return nil, udpPrefix + p.target.DatagramServer(), nil
	default:
		return nil, address, checkReachable(ctx, address)
	}
	vars, err := p.serverVars()
	if err != nil {
		return nil, "", err
	}
	return p.launchServer(ctx, vars)
}

// RestartServer starts the server at the address that it had. The errors are those of
// StartServer.
func (p *Programs) RestartServer(ctx context.Context, address string) (*peer.Process, error) {
	vars := peer.VarsAt(address)
	p.mu.Lock()
	vars.Tmp = p.serverTmp
	p.mu.Unlock()
	process, _, err := p.launchServer(ctx, vars)
	return process, err
}

func (p *Programs) launchServer(ctx context.Context, vars peer.Vars) (*peer.Process, string, error) {
	command := p.command(p.target.Server)
	if p.transport() == scenario.UDP {
		process, at, err := command.StartDatagramServer(ctx, vars)
		return process, udpPrefix + at.String(), err
	}
	process, err := command.StartServer(ctx, vars)
	if err != nil {
		return nil, "", err
	}
	return process, process.Address(), nil
}

// serverVars returns the words of the server, which are the same whenever it is started anew.
func (p *Programs) serverVars() (vars peer.Vars, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serverTmp == "" {
		if p.serverTmp, err = p.tempFolder(p.target.Server); err != nil {
			return vars, err
		}
	}
	if p.transport() == scenario.Unix {
		err = p.freePathLocked()
	}
	return peer.Vars{Tmp: p.serverTmp, Path: p.serverPath}, err
}

// freePathLocked gives the server a path. What a server of ours that was killed has left
// there is removed: whether a server copes with that is a scenario's business.
func (p *Programs) freePathLocked() (err error) {
	if p.serverPath == "" {
		p.serverPath, err = p.config.Shared.book.newPath("s")
		return err
	}
	if err := os.Remove(p.serverPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("socket file of the server: %w", err)
	}
	return nil
}

// checkReachable returns an error where nobody listens at the address of a server.
func checkReachable(ctx context.Context, address string) error {
	network, at, err := sock.ParseAddress(address)
	if err == nil {
		err = peer.Address{Network: network, Addr: at}.CheckListening(ctx)
	}
	switch {
	case err == nil:
		return nil
	case network == "unix" && errors.Is(err, syscall.ECONNREFUSED):
		err = fmt.Errorf("%w: the socket file is left of a server that has ended", err)
	}
	return fmt.Errorf("%w: %w", ErrNotReachable, err)
}
