package rig

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// An addressBook gives out addresses for what the harness listens on itself, and paths
// for servers.
type addressBook struct {
	folder string
	taken  *atomic.Int64 // numbers of this process that are in use, or were
}

func newAddressBook(folder string) addressBook {
	return addressBook{folder: folder, taken: &atomic.Int64{}}
}

// listenAddress returns a free address for a listener of ours.
func (a addressBook) listenAddress(t scenario.Transport) (string, error) {
	if t != scenario.Unix {
		return "127.0.0.1:0", nil
	}
	path, err := a.newPath("p")
	return "unix:" + path, err
}

// newPath returns the path of a socket that nobody has bound yet.
func (a addressBook) newPath(kind string) (string, error) {
	folder := a.folder
	if folder == "" {
		folder = os.TempDir()
	}
	path := filepath.Join(folder, fmt.Sprintf("%s%d.%d", kind, os.Getpid(), a.taken.Add(1)))
	if len(path) > sock.UnixPathMax {
		return "", fmt.Errorf("the folder for sockets is too deep: %s has %s, %d is the most; set TMPDIR to a shorter one", path, plural.Count(len(path), "byte"), sock.UnixPathMax)
	}
	return path, nil
}

// listen opens a listener of ours on the transport.
func (a addressBook) listen(ctx context.Context, t scenario.Transport) (acceptor, error) {
	address, err := a.listenAddress(t)
	if err != nil {
		return nil, err
	}
	l, err := sock.ListenAddress(ctx, address)
	if err != nil {
		return nil, err
	}
	return l.(acceptor), nil
}

// listenerAddress is where a listener of ours is reached.
func listenerAddress(l net.Listener) string { return sock.FormatAddress(l.Addr()) }
