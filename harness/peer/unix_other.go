//go:build !linux

package peer

import "github.com/sockharness/harness/harness/sock"

// listensUnix never knows here.
func listensUnix(string) bool { return false }

func unixListeners() ([]unixListener, error) { return nil, sock.ErrUnsupported }

func (p *Process) absolutePath(path string) string { return path }
