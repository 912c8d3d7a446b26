package peer

import (
	"context"
	"errors"
	"strconv"
)

// portTries is how often a server is started anew when a stranger took its port.
const portTries = 4

// startOnFreePort picks a port for the server and holds the claim on it while
// the process lives.
func (c Command) startOnFreePort(ctx context.Context, v Vars) (*Process, error) {
	for try := 1; ; try++ {
		port, release, err := FreePort(v.Host)
		if err != nil {
			return nil, &Error{Op: "server", Command: c, Err: err}
		}
		v.Port, v.Addr = strconv.Itoa(port), ""
		p, err := c.startServer(ctx, v.withDefaults(), release)
		var failed *Error
		if err == nil || try == portTries || !errors.As(err, &failed) || failed.Exit == nil || canBind(port) {
			return p, err
		}
	}
}
