package runcmd

import (
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/fixtures/reference"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios"
)

// newWorker is what `harness run` starts for each of its processes.
func newWorker() *cobra.Command {
	threads := 0
	cmd := &cobra.Command{
		Use:    "worker JOB",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return cli.HarnessErrorf("job read: %w", err)
			}
			job, err := suite.DecodeJob(data)
			if err != nil {
				return cli.HarnessErrorf("%w", err)
			}
			if err := cli.BecomeSubreaper(); err != nil {
				return err
			}
			collectAt(workerPercent(job.Runner.Zoo))
			runtime.GOMAXPROCS(threads) // 0 changes nothing
			return cli.ExitError{Code: job.RunWorker(scenarios.Topics(), cmd.ErrOrStderr())}
		},
	}
	cmd.Flags().IntVar(&threads, "threads", 0, "how many processors it uses at once")
	return cmd
}

// newPeer is one of the reference peers that are compiled in.
func newPeer() *cobra.Command {
	return &cobra.Command{
		Use:                "peer",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return cli.ExitError{Code: reference.Main(args, os.Stdout, os.Stderr)}
		},
	}
}
