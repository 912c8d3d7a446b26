package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

func staleFile() scenario.Scenario {
	return scenario.Scenario{
		ID:    "unix/stale-file",
		Title: "A server that was killed can be started again although its socket file is still there",
		Rationale: "The kernel does not remove the file of a unix socket. After a crash, a kill -9 or a power failure it is " +
			"still there, and bind fails with EADDRINUSE although no server listens. A server that does not replace such a " +
			"file stays down until an operator removes it by hand.",
		Ref:      "unix(7); bind(2) EADDRINUSE",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: onPath(startOverStaleFile),
	}
}

func startOverStaleFile(ctx context.Context, rig scenario.Rig) error {
	process, err := rig.ServerProcess()
	if err != nil {
		return err
	}
	path := serverPath(rig)
	if err := process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	if _, err := process.AwaitExit(ctx); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err != nil {
		return fmt.Errorf("%w: the socket file is gone although the server was killed", scenario.ErrUnsupported)
	}
	rig.ReportStruck("the server was killed and its socket file is still there")
	if err := rig.StartServer(ctx); err != nil {
		return fmt.Errorf("the server cannot be started while the socket file of its killed predecessor exists: %w", err)
	}
	return nil
}

func fileInUse() scenario.Scenario {
	return scenario.Scenario{
		ID:    "unix/file-in-use",
		Title: "A second server does not take the socket file from the one that is running",
		Rationale: "A server that removes the file before bind, without asking whether a server listens, cuts off a server " +
			"that runs: it keeps its open connections, holds its locks, and no new client ever reaches it. Connect first: " +
			"ECONNREFUSED says that the file is stale.",
		Ref:      "unix(7); connect(2) ECONNREFUSED",
		Level:    outcome.Should,
		Roles:    scenario.ServerRole(),
		Variants: onPath(startSecond),
	}
}

func startSecond(ctx context.Context, rig scenario.Rig) error {
	path := serverPath(rig)
	before, err := os.Lstat(path)
	if err != nil {
		return err
	}
	found, err := second(ctx, rig, path)
	if err != nil {
		return err
	}
	rig.ReportStruck("started the server a second time with the same path")
	now, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("a second server with the same path removed the socket file of the running one")
	case err == nil && !os.SameFile(before, now):
		err = errors.New("a second server with the same path replaced the socket file of the running one, to which no client can connect any more")
	case err == nil:
		return mustFail(found, "a server listens at the path already")
	}
	return errors.Join(err, rig.RestartServer(ctx))
}

func otherFile() scenario.Scenario {
	return scenario.Scenario{
		ID:    "unix/other-file",
		Title: "A server does not remove a file at its path that is not a socket",
		Rationale: "The path comes from a configuration, and a typing error names a data file. A server that removes whatever is " +
			"there before bind deletes it.",
		Ref:      "unlink(2); CWE-73",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: onPath(startOverFile),
	}
}

func startOverFile(ctx context.Context, rig scenario.Rig) error {
	folder, remove, err := newFolder(rig)
	if err != nil {
		return err
	}
	defer remove()
	path, text := filepath.Join(folder, "d"), "the operator's data\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	found, err := second(ctx, rig, path)
	if err != nil {
		return err
	}
	rig.ReportStruck("started the server with the path of a regular file")
	if now, err := os.ReadFile(path); err != nil || string(now) != text {
		return errors.New("the server removed, or overwrote, a regular file at its path")
	}
	return mustFail(found, "a regular file is at the path")
}

func bindFails() scenario.Scenario {
	return scenario.Scenario{
		ID:    "unix/bind-fails",
		Title: "A server that cannot make its socket file exits with an error",
		Rationale: "The folder is missing because a volume was not mounted, or the path leads through a file. bind fails with " +
			"ENOENT or ENOTDIR. A server that goes on without its socket looks healthy and serves no client; status 0 " +
			"looks like success.",
		Ref:   "bind(2) ENOENT, ENOTDIR",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requirePath(c); err != nil {
				return nil, err
			}
			return []scenario.Variant{
				act(c, "folder=missing", func(ctx context.Context, rig scenario.Rig) error {
					return startIn(ctx, rig, "missing", "the folder of the path does not exist")
				}),
				act(c, "folder=file", func(ctx context.Context, rig scenario.Rig) error {
					return startIn(ctx, rig, "file", "the folder of the path is a file")
				}),
			}, nil
		},
	}
}

// startIn starts the server with a path in a folder that is none.
func startIn(ctx context.Context, rig scenario.Rig, name, situation string) error {
	folder, remove, err := newFolder(rig)
	if err != nil {
		return err
	}
	defer remove()
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		return err
	}
	path := filepath.Join(folder, name, "s")
	found, err := second(ctx, rig, path)
	if err != nil {
		return err
	}
	rig.ReportStruck("started the server: " + situation)
	if _, err := os.Lstat(path); err == nil {
		return nil // it has made the folder
	}
	return mustFail(found, situation)
}

func longPath() scenario.Scenario {
	return scenario.Scenario{
		ID:    "unix/long-path",
		Title: "A server accepts the longest path that the system allows, and refuses a longer one",
		Rationale: "sun_path holds 108 bytes on Linux, with the zero at the end. A server that copies the path with strncpy " +
			"listens on a path that is cut off, which no client finds. One that reserves a byte too many refuses a path " +
			"that others accept.",
		Ref:   "unix(7) sun_path; CWE-120",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requirePath(c); err != nil {
				return nil, err
			}
			fits := act(c, fmt.Sprintf("bytes=%d", sock.UnixPathMax), func(ctx context.Context, rig scenario.Rig) error {
				return startAtLength(ctx, rig, sock.UnixPathMax)
			})
			fits.Level = outcome.Should
			return []scenario.Variant{fits, act(c, fmt.Sprintf("bytes=%d", sock.UnixPathMax+1), func(ctx context.Context, rig scenario.Rig) error {
				return startAtLength(ctx, rig, sock.UnixPathMax+1)
			})}, nil
		},
	}
}

// startAtLength starts the server with a path of so many bytes.
func startAtLength(ctx context.Context, rig scenario.Rig, length int) error {
	folder, remove, err := newFolder(rig)
	if err != nil {
		return err
	}
	defer remove()
	if len(folder)+2 > sock.UnixPathMax {
		return fmt.Errorf("%w: the folder for temporary files has a path of %s; set TMPDIR to a shorter one", scenario.ErrUnsupported, plural.Count(len(folder), "byte"))
	}
	path := folder + "/" + strings.Repeat("s", length-len(folder)-1)
	found, err := second(ctx, rig, path)
	if err != nil {
		return err
	}
	rig.ReportStruck(fmt.Sprintf("started the server with a path of %s", plural.Count(length, "byte")))
	switch {
	case length > sock.UnixPathMax:
		return mustFail(found, fmt.Sprintf("the path has %s", plural.Count(length, "byte")))
	case found.Exit != nil:
		return fmt.Errorf("the server does not take a path of %s, which the system allows: it %v%s", plural.Count(length, "byte"), found.Exit, scenario.QuoteLastLine(found.Stderr))
	case len(found.ListenAddrs) == 1 && found.ListenAddrs[0] != "unix:"+path:
		return fmt.Errorf("the server was given a path of %s and listens on another one: %s", plural.Count(length, "byte"), found.ListenAddrs[0])
	}
	return nil
}

func fileRemoved() scenario.Scenario {
	return scenario.Scenario{
		ID:    "unix/file-removed",
		Title: "A server that ends normally removes its socket file",
		Rationale: "With the file gone, a client learns from ENOENT that no server is there, and the next one can bind. Many " +
			"servers leave the file and replace it when they start, which works too.",
		Ref:      "unix(7)",
		Level:    outcome.May,
		Roles:    scenario.ServerRole(),
		Variants: onPath(endAndLook),
	}
}

func endAndLook(ctx context.Context, rig scenario.Rig) error {
	path := serverPath(rig)
	if err := rig.TerminateServer(); err != nil {
		return err
	}
	exit, err := rig.AwaitExit(ctx)
	if err != nil {
		return err
	}
	rig.ReportStruck("SIGTERM")
	_, left := os.Lstat(path)
	if err := rig.StartServer(ctx); err != nil {
		return fmt.Errorf("after SIGTERM the server cannot be started again at its path: %w", err)
	}
	if left == nil {
		return fmt.Errorf("after SIGTERM the server %v and left its socket file", exit)
	}
	return nil
}

func noFile() scenario.Scenario {
	return scenario.Scenario{
		ID:    "unix/no-file",
		Title: "A client whose server has no socket file reports it and exits",
		Rationale: "The server is not started yet, or has removed its file: connect fails with ENOENT, not with the ECONNREFUSED " +
			"that clients on TCP expect. A client that exits 0 hides it.",
		Ref:   "connect(2) ENOENT; unix(7)",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return []scenario.Variant{act(c, "", connectToNothing)}, nil
		},
	}
}

func connectToNothing(ctx context.Context, rig scenario.Rig) error {
	if err := os.Remove(strings.TrimPrefix(rig.ProxyAddr(), "unix:")); err != nil {
		return err
	}
	client, err := rig.StartClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	rig.ReportStruck("the client's path has no file")
	state, err := client.WatchAttempts(ctx, 0, nil)
	switch {
	case err != nil:
		return err
	case state.TimedOut:
		return fmt.Errorf("the socket file does not exist, and the client has not ended%s", scenario.QuoteLastLine(state.Stderr))
	case state.Exit.Success():
		return fmt.Errorf("the socket file does not exist, and the client exited with status 0, which means success%s", scenario.QuoteLastLine(state.Stderr))
	}
	return nil
}
