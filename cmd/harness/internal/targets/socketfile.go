package targets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/sock"
)

// checkSocketFile finds a unix socket that we cannot connect to, before anything starts.
// That nobody listens there is told when it is tried.
func checkSocketFile(address string) error {
	network, path, err := sock.ParseAddress(address)
	if err != nil || network != "unix" || strings.HasPrefix(path, "@") {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("address %s: %w: a folder on the way may not be entered", address, cli.UnderlyingOSError(err))
	case err != nil:
		return nil // it may come to be
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("address %s: the file is there and is no socket", address)
	case !mayWrite(path):
		return fmt.Errorf("address %s: permission denied: the socket file belongs to another user (%s); connect needs the right to write to it", address, info.Mode().Perm())
	}
	return nil
}
