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

// errClosed is for a start on a testbed that is closed.
var errClosed = errors.New("the runner is closed")

// startServerLocked starts the server process unless it runs.
func (b *Testbed) startServerLocked(ctx context.Context) error {
	s := b.target.Server
	switch {
	case b.closed:
		return errClosed
	case s.Address != "":
		if b.address = s.Address; b.transport() == scenario.UDP {
			b.address = udpPrefix + b.target.DatagramServer()
			return nil // a port of UDP does not tell whether somebody listens
		}
		return checkReachable(ctx, s.Address)
	case s.Dialogue != nil || s.Absent():
		return nil
	}
	if b.server != nil {
		if _, ended := exitedServer(b.server); !ended {
			return nil
		}
		b.server.Close()
		b.server = nil
	}
	if b.folder == "" {
		folder, err := b.tempFolder(s)
		if err != nil {
			return err
		}
		b.folder = folder
	}
	process, address, err := b.launchServer(ctx, s)
	if err != nil {
		return err
	}
	b.server, b.address = process, address
	if n, ok := countSockets(process); ok {
		b.idleSockets.Store(int64(n))
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

// freePathLocked gives the server a path. What a server of ours that was killed has left
// there is removed: whether a server copes with that is a scenario's business.
func (b *Testbed) freePathLocked() (err error) {
	if b.path == "" {
		b.path, err = b.config.Shared.book.newPath("s")
		return err
	}
	if err := os.Remove(b.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("socket file of the server: %w", err)
	}
	return nil
}

// restartServer stops the server and starts it again on the port it had.
func (b *Testbed) restartServer(ctx context.Context) error {
	b.mu.Lock()
	server := b.server
	b.mu.Unlock()
	if server == nil {
		return errNotOurs
	}
	if _, err := server.StopTree(ctx); err != nil {
		return fmt.Errorf("server stop: %w", err)
	}
	return b.startAgain(ctx)
}

// terminateServer asks the server to end, which is no crash from then on.
func (b *Testbed) terminateServer() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return errNotOurs
	}
	err := b.server.SignalGroup(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("the server had ended before SIGTERM: %w", err) // that end is a crash
	}
	b.terminated = true
	return err
}

// expectEnd says that the end of the server is no crash from now on.
func (b *Testbed) expectEnd() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.terminated = true
}

// startAgain starts the server on the port it had.
func (b *Testbed) startAgain(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return errNotOurs
	}
	b.server.Close()
	b.server, b.terminated = nil, false
	process, err := b.relaunchServer(ctx)
	if err != nil {
		return err
	}
	b.server = process
	return nil
}

// WasTerminated reports whether a variant asked the server to end, and it was not started
// again.
func (b *Testbed) WasTerminated() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.terminated
}

// Renew kills the server and starts it again, if it is a process of ours; it blocks until that
// is ready. The errors are those of Start.
func (b *Testbed) Renew(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return nil
	}
	b.server.KillTree()
	b.server.Close()
	b.server = nil
	return b.startServerLocked(ctx)
}

// DiscardServer kills a server that does not serve any more, and waits for it; Start starts a
// new one.
func (b *Testbed) DiscardServer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		b.server.KillTree()
		b.server.Close()
		b.server, b.terminated = nil, false
	}
}
