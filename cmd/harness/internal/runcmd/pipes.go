package runcmd

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
)

// newStdio is what `harness run` starts for a server on standard input and output: the
// command has the name of the transport, and serve carries it.
func newStdio(transport string, serve func(ctx context.Context, path string, command []string) error) *cobra.Command {
	return &cobra.Command{
		Use:                transport + " PATH COMMAND…",
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM)
			defer stop()
			if err := serve(ctx, args[0], args[1:]); err != nil {
				return cli.HarnessErrorf("%w", err)
			}
			return nil
		},
	}
}
