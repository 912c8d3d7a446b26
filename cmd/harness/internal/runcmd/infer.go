package runcmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// inferPolicies is `harness run --infer`: it proposes policies for each target, as YAML
// to paste, and says what speaks for each of them.
func (f *runFlags) inferPolicies(cmd *cobra.Command, chosen []scenario.Target) error {
	ctx, run, release, err := cli.StartRun(cmd.Context())
	if err != nil {
		return err
	}
	defer release()
	terminal := cli.NewTerminal(cmd, f.noColor)
	failed := false
	for _, t := range chosen {
		o := explore.Options{Target: t, Seed: f.seed, Tmp: run.Tmp, Self: run.Self, StartTimeout: f.startTimeout}
		text, err := proposePolicies(ctx, o)
		if ctx.Err() != nil {
			return cli.ExitError{Code: outcome.ExitInterrupted}
		}
		if err != nil {
			failed = true
			text = fmt.Sprintf("# %s: %v\n", t.Name, err)
		}
		terminal.Printf("%s", text)
	}
	if err := terminal.Err(); err != nil {
		return err
	}
	if failed {
		return cli.ExitError{Code: outcome.ExitHarness, Err: errors.New("not every target could be looked at")}
	}
	return nil
}

// proposePolicies returns the lines of one target.
func proposePolicies(ctx context.Context, o explore.Options) (string, error) {
	targets := []scenario.Target{o.Target}
	text := fmt.Sprintf("# %s\n", o.Target.Name)
	if o.Target.Test == scenario.Both && o.Target.Client.Dialogue == nil && o.Target.Server.Dialogue == nil {
		server, client, notes, err := explore.RecordDialogue(ctx, o)
		if err != nil {
			return "", err
		}
		targets = []scenario.Target{server, client}
		for _, n := range notes {
			text += "# recorded: " + n + "\n"
		}
	}
	text += "policies:\n"
	for _, t := range targets {
		one := o
		one.Target, one.Role = t, t.Test
		all, err := explore.InferPolicies(ctx, one)
		if err != nil {
			return "", err
		}
		for _, i := range all {
			text += fmt.Sprintf("  %-26s # %s\n", i.Policy, i.Seen)
		}
	}
	return text, nil
}
