package peer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// A unixListener is a unix stream socket that listens.
type unixListener struct {
	path  string // as it was bound, or "@name"
	inode uint32
}

// awaitListeningUnix blocks until the process or a descendant listens on a unix socket,
// and sets the path: the one that its command was given, if it was given one.
func (p *Process) awaitListeningUnix(ctx context.Context) error {
	want := ""
	if p.told {
		want = p.vars.Path
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		found, err := p.unixPaths()
		if errors.Is(err, sock.ErrUnsupported) {
			return p.awaitDialUnix(ctx, want, err)
		}
		if err != nil {
			return err
		}
		for _, path := range found {
			if want == "" || path == want {
				p.path = path
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return describeUnixMiss(context.Cause(ctx), found, want)
		}
	}
}

// unixPaths returns where the tree listens, in no order.
func (p *Process) unixPaths() ([]string, error) {
	all, err := unixListeners()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	held := p.socketInodes()
	var found []string
	for _, l := range all {
		if _, ok := held[l.inode]; ok {
			found = append(found, p.absolutePath(l.path))
		}
	}
	return found, nil
}

// describeUnixMiss says what the tree does instead of listening where it should.
func describeUnixMiss(cause error, found []string, want string) error {
	switch {
	case errors.Is(cause, errGone):
		return cause
	case len(found) == 0:
		return fmt.Errorf("%w: it listens on no unix socket", cause)
	}
	return fmt.Errorf("%w: it listens on %s and not on %s", cause, strings.Join(found, ", "), want)
}

// awaitDialUnix is for systems that do not tell who listens: it connects.
func (p *Process) awaitDialUnix(ctx context.Context, want string, why error) error {
	if want == "" {
		return fmt.Errorf("a command without {path} cannot be found here: %w", why)
	}
	tick := time.NewTicker(20 * pollEvery)
	defer tick.Stop()
	for {
		conn, err := dialContext(ctx, "unix", want)
		if err == nil {
			p.path = want
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}
