package authorcmd

import (
	"cmp"
	"encoding/json"
	"io"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/mutate"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/scenario"
)

// mutateFlags is what the user asked `harness mutate` for.
type mutateFlags struct {
	targets.Flags
	mutations []string
	json      string
	sweep     int
	seed      int64
	jobs      int
	list      bool
	verbose   bool
}

func newMutate() *cobra.Command {
	f := &mutateFlags{}
	cmd := &cobra.Command{
		Use:   "mutate [PATH…]",
		Short: "Prove that scenarios can fail: run them on programs with planted defects",
		Long: `Put a relay in front of the program under test, and run scenarios on both. The relay
adds one defect, a mutation: it loses the last byte of a reply, sends a reply twice,
sends RST where the program sent FIN, and so on. Each mutation must make the run fail.
A mutation that does not has survived. It is listed with the scenarios in which it took
effect, and with what a scenario must say to notice it.

PATH and targets are those of "harness run"; default: the built-in suites. A scenario
that fails even when the relay changes nothing is left out.

Exit status: 0 no mutation survived, 1 one did, 2 usage or files, 3 the harness failed,
4 nothing was selected, 130 interrupted.`,
		Example: `  harness mutate my-scenarios/ --server 'python3 server.py {port}'
  harness mutate my-scenarios/ --mutation never-end --verbose`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.list {
				return listMutations(cmd.OutOrStdout())
			}
			return f.run(cmd, args)
		},
	}
	flags := cmd.Flags()
	f.RegisterFlags(flags)
	f.RegisterCompletions(cmd)
	flags.StringSliceVar(&f.mutations, "mutation", nil, "only the mutation of this `NAME` (repeatable)")
	flags.StringVar(&f.json, "json", "", "write the results as JSON to `FILE` (- for stdout)")
	flags.IntVar(&f.sweep, "sweep", 6, "run at most `N` variants of a scenario")
	flags.Int64Var(&f.seed, "seed", 1, "seed `N` of all random choices")
	flags.IntVar(&f.jobs, "jobs", runtime.NumCPU(), "number `N` of mutations that run at the same time")
	flags.BoolVar(&f.list, "list", false, "list the mutations, and run nothing")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "also list the mutations that were noticed, and by which scenario")
	return cmd
}

// newMutant is what stands in for the program under test.
func newMutant() *cobra.Command {
	return &cobra.Command{
		Use:    "mutant FILE HOST PORT [VALUE…]",
		Hidden: true,
		Args:   cobra.MinimumNArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.ExitError{Code: mutate.Main(args[0], args[1], args[2], args[3:], cmd.OutOrStdout(), cmd.ErrOrStderr())}
		},
	}
}

func listMutations(out io.Writer) error {
	return cli.WriteTable(out, func(w io.Writer) error {
		for _, role := range []scenario.Role{scenario.Server, scenario.Client} {
			for _, m := range mutate.Mutations(role) {
				if _, err := io.WriteString(w, string(role)+"\t"+m.Name+"\t"+m.Summary+"\n"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// check finds what is wrong with the flags.
func (f *mutateFlags) check() error {
	var known []string
	for _, role := range []scenario.Role{scenario.Server, scenario.Client} {
		for _, m := range mutate.Mutations(role) {
			known = append(known, m.Name)
		}
	}
	for _, name := range f.mutations {
		if !slices.Contains(known, name) {
			return cli.UsageErrorf("--mutation %q: no such mutation; harness mutate --list names them", name)
		}
	}
	switch {
	case f.sweep < 2:
		return cli.UsageErrorf("--sweep %d: want 2 or more", f.sweep)
	case f.jobs < 1 || f.jobs > 64:
		return cli.UsageErrorf("--jobs %d: want 1 to 64", f.jobs)
	}
	return cli.CheckWritable("json", f.json)
}

// run plays every mutant of every target and reports which mutations were noticed.
func (f *mutateFlags) run(cmd *cobra.Command, paths []string) error {
	if err := f.check(); err != nil {
		return err
	}
	all, err := f.AllTargets()
	if err != nil {
		return err
	}
	selected, err := f.SelectTargets(all)
	if err != nil {
		return err
	}
	terminal := cli.NewTerminal(cmd, true)
	watched, unwatch := terminal.WatchReader(cmd.Context())
	defer unwatch()
	ctx, _, release := cli.NotifyInterrupts(watched)
	defer release()
	w, err := newMutantRuns(f, paths, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer w.close()
	var found []targetJudgement
	for _, t := range selected {
		for _, role := range t.TestedRoles() {
			judged, err := w.judgeTarget(ctx, t, role)
			if err = cmp.Or(cli.ReaderError(ctx), err); err != nil {
				return err
			}
			found = append(found, judged)
			if f.json != "-" {
				if _, err := io.WriteString(cmd.OutOrStdout(), judged.text(f.verbose)); err != nil {
					return cli.HarnessErrorf("%w", err)
				}
			}
		}
	}
	return f.finish(cmd.OutOrStdout(), found)
}

// finish writes the sum and the JSON, and returns the exit status.
func (f *mutateFlags) finish(out io.Writer, found []targetJudgement) error {
	var all []mutate.Judgement
	judging := 0
	for _, t := range found {
		all = append(all, t.judgements...)
		judging += len(t.passed)
	}
	if judging == 0 {
		return cli.ExitError{Code: outcome.ExitNothing, Err: errNothingJudges}
	}
	if f.json != "" {
		err := report.WriteFile(f.json, func(w io.Writer) error {
			encoder := json.NewEncoder(w)
			encoder.SetIndent("", "  ")
			return encoder.Encode(map[string]any{"version": 1, "judgements": all})
		})
		if err != nil {
			return cli.HarnessErrorf("%w", err)
		}
	}
	if f.json != "-" {
		if _, err := io.WriteString(out, summarizeJudgements(all)); err != nil {
			return cli.HarnessErrorf("%w", err)
		}
	}
	if countStatus(all, mutate.Survived) > 0 {
		return cli.ExitError{Code: outcome.ExitVerdicts}
	}
	return nil
}
