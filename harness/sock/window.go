package sock

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/sockharness/harness/toxics/hook"
)

// LimitWindow sets the window of a socket that is neither connected nor listening
// yet, so that its peer can send little before it must wait: to be called from
// Control of [net.ListenConfig] or [net.Dialer]. Connections inherit it from
// their listener. A zero field is left alone, and so is a socket that is not
// TCP. The error is [ErrUnsupported] where the system does not know the option.
//
// A receive buffer of 1 is raised to the kernel's least, about 2 KB; see
// SO_RCVBUF in socket(7), TCP_MAXSEG in tcp(7). It takes both fields to stop a
// sender soon: with segments of 88 bytes it stopped after 15 to 125 KB, of 1460
// after 30 to 240 KB (the least in a fresh network namespace), with no segment
// size after 1.7 MB, with no window after 4 MB.
func LimitWindow(network, address string, c syscall.RawConn, w hook.SocketLimits) error {
	if w == (hook.SocketLimits{}) || !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	if err := c.Control(func(fd uintptr) { failed = setWindow(fd, w) }); err != nil {
		return fmt.Errorf("window of %s: %w", address, err)
	}
	if failed != nil {
		return fmt.Errorf("window of %s: %w", address, failed)
	}
	return nil
}
