package sock

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/plural"
)

// UnixPathMax is the length of the longest path of a unix socket, bytes:
// sun_path of unix(7) and the zero behind it; the BSDs have 4 less.
const UnixPathMax = 107

// probeTime bounds how long somebody who listens on a path may take to be seen.
const probeTime = 100 * time.Millisecond

// BindUnix takes a path for stream sockets, as [BindPort] takes an address; "@name"
// is one of the abstract namespace of Linux. A socket file that nobody listens
// on is replaced: it is left of a process that was killed. Where somebody
// listens, or the file is none of a socket, the error is EADDRINUSE.
//
// Refuse leaves the file, on which nobody listens, so that connects fail with
// ECONNREFUSED; a connect in the moment in which Listen makes a new one of it
// fails with ENOENT, as with any server that is started again. Hang lets a
// connect block that may, and one that may not, such as Go's, fails with EAGAIN:
// the kernel has no third answer. Close removes the file if it is ours still.
func BindUnix(path string) (*Port, error) {
	if err := checkUnixPath(path); err != nil {
		return nil, fmt.Errorf("port bind: %w", err)
	}
	b, err := bindUnix(path)
	if err != nil {
		return nil, fmt.Errorf("port bind unix:%s: %w", path, err)
	}
	return &Port{addr: &net.UnixAddr{Name: path, Net: "unix"}, binding: b}, nil
}

func checkUnixPath(path string) error {
	switch {
	case path == "" || path == "@":
		return errors.New("unix socket without a path")
	case len(path) > UnixPathMax:
		return fmt.Errorf("unix socket path of %s; the maximum is %d", plural.Count(len(path), "byte"), UnixPathMax)
	case strings.ContainsRune(path, 0):
		return errors.New("unix socket path contains a NUL byte")
	}
	return nil
}

func isAbstract(path string) bool { return strings.HasPrefix(path, "@") }

// clearPath removes a socket file that nobody listens on.
func clearPath(path string) error {
	if isAbstract(path) {
		return nil
	}
	before, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case before.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("the file exists and is not a socket: %w", syscall.EADDRINUSE)
	}
	c, err := net.DialTimeout("unix", path, probeTime)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("another process listens there: %w", syscall.EADDRINUSE)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("whether another process listens there is unknown: %w", errors.Join(syscall.EADDRINUSE, err))
	}
	// Somebody may have been as quick as we are.
	if now, err := os.Lstat(path); err != nil || !os.SameFile(before, now) {
		return syscall.EADDRINUSE
	}
	return os.Remove(path)
}

// A socketFile is the file of a unix socket of ours.
type socketFile struct {
	path string
	made fs.FileInfo // nil: not ours, or there is none
}

// noteFile keeps which file is ours, after a bind.
func (f *socketFile) noteFile() {
	f.made = nil
	if !isAbstract(f.path) {
		f.made, _ = os.Lstat(f.path)
	}
}

// removeFile removes the file unless somebody else has put another one in its place.
func (f *socketFile) removeFile() error {
	if f.made == nil {
		return nil
	}
	now, err := os.Lstat(f.path)
	if err != nil || !os.SameFile(f.made, now) {
		return nil
	}
	f.made = nil
	return os.Remove(f.path)
}
