package peer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/procfs"

	"github.com/sockharness/harness/harness/sock"
)

// unixListeners returns all unix sockets of this network namespace that listen.
func unixListeners() ([]unixListener, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("unix sockets: %w", errors.Join(sock.ErrUnsupported, err))
	}
	all, err := fs.NetUNIX()
	if err != nil {
		return nil, fmt.Errorf("unix sockets: %w", errors.Join(sock.ErrUnsupported, err))
	}
	const listening = 1 << 16 // __SO_ACCEPTCON, unix(7)
	var found []unixListener
	for _, s := range all.Rows {
		if s.Flags&listening != 0 {
			found = append(found, unixListener{path: s.Path, inode: uint32(s.Inode)})
		}
	}
	return found, nil
}

// listensUnix reports whether a unix socket is known to listen at the path.
func listensUnix(path string) bool {
	all, _ := unixListeners()
	return slices.ContainsFunc(all, func(l unixListener) bool { return l.path == path })
}

// absolutePath returns the path of a socket that one of the tree has bound, which may be
// relative to its working directory.
func (p *Process) absolutePath(path string) string {
	if filepath.IsAbs(path) || strings.HasPrefix(path, "@") {
		return path
	}
	for _, pid := range p.ProcessTree() {
		dir, err := os.Readlink(procPath(pid, "cwd"))
		if err != nil {
			continue
		}
		if whole := filepath.Join(dir, path); fileExists(whole) {
			return whole
		}
	}
	return path
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
