package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errClosed is for a start on a testbed that is closed.
var errClosed = errors.New("the runner is closed")

// startServerLocked starts the server process unless it runs.
func (b *Testbed) startServerLocked(ctx context.Context) error {
	s := b.target.Server
	switch {
	case b.closed:
		return errClosed
	case s.Address == "" && (s.Dialogue != nil || s.Absent()):
		return nil
	}
	if b.server != nil {
		if _, ended := exitedServer(b.server); !ended {
			return nil
		}
		b.server.Close()
		b.server = nil
	}
	process, address, err := b.programs.StartServer(ctx)
	if err != nil {
		return err
	}
	b.server, b.address = process, address
	if process == nil {
		return nil
	}
	if n, ok := countSockets(process); ok {
		b.idleSockets.Store(int64(n))
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
	process, err := b.programs.RestartServer(ctx, b.address)
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
