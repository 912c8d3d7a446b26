package main

import (
	"encoding/json"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/fixtures/reference"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios"
)

// sparing lets the heap of a worker grow to five times what is in use: there are many
// workers, with little memory each, and a collection costs all of them processor time.
const sparing = 400

// newWorker is what `harness run` starts for each of its processes.
func newWorker() *cobra.Command {
	return &cobra.Command{
		Use:    "worker JOB",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return broken("job read: %w", err)
			}
			var job suite.Job
			if err := json.Unmarshal(data, &job); err != nil {
				return broken("job decode: %w", err)
			}
			if err := adopt(); err != nil {
				return err
			}
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(sparing)
			}
			return exitError{code: job.Work(scenarios.Topics(), cmd.ErrOrStderr())}
		},
	}
}

// newPeer is one of the reference peers that are compiled in.
func newPeer() *cobra.Command {
	return &cobra.Command{
		Use:                "peer",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return exitError{code: reference.Main(args, os.Stdout, os.Stderr)}
		},
	}
}
