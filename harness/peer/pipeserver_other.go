//go:build !linux

package peer

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/sock"
)

// ServePipes is known to work on Linux alone.
func ServePipes(context.Context, string, []string) error {
	return fmt.Errorf("pipes: %w", sock.ErrUnsupported)
}

// ServeSocketpair is known to work on Linux alone.
func ServeSocketpair(context.Context, string, []string) error {
	return fmt.Errorf("socketpair: %w", sock.ErrUnsupported)
}
