package runcmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/seed"
)

// againFlags are for who runs the same selection again and again.
type againFlags struct {
	plan        bool
	rerunFailed string // file of an earlier result; empty: everything is played
	shuffle     bool
	untilFail   bool
	watch       bool
	rounds      int    // how often the selection is played at most; 0: without a bound
	targetsFrom string // file of targets that harness mutate has made; empty: flags describe them
	watchResult string // where a run tells the --watch that started it what came of it
}

func (f *runFlags) registerAgainFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&f.plan, "plan", false, "list the selected scenarios with their variants and their last run times, without running them")
	flags.Var((*resultFile)(&f.rerunFailed), "rerun-failed", "run only what did not pass the last time (or in a result file: --rerun-failed=FILE)")
	flags.Lookup("rerun-failed").NoOptDefVal = "true"
	flags.BoolVar(&f.shuffle, "shuffle", false, "run the scenarios in random order, which depends on --seed")
	flags.BoolVar(&f.untilFail, "until-fail", false, "run the selection again and again until something fails, at most --repeat times")
	flags.BoolVar(&f.watch, "watch", false, "run again when a file of a target, dialogue or scenario changes, and print each verdict that changed")
	flags.StringVar(&f.watchResult, "watch-result", "", "")
	flags.StringVar(&f.targetsFrom, "targets-from", "", "")
	for _, hidden := range []string{"watch-result", "targets-from"} {
		_ = flags.MarkHidden(hidden) // they are defined in the lines above
	}
}

// A resultFile is the path of a result; without a value it is that of the last runs.
type resultFile string

// Set implements pflag.Value.
func (f *resultFile) Set(value string) error {
	*f = resultFile(value)
	if value == "true" {
		*f = lastFile
	}
	return nil
}

func (f *resultFile) String() string { return string(*f) }

// Type implements pflag.Value. Help shows a value for any other type.
func (f *resultFile) Type() string { return "bool" }

func (f *runFlags) checkAgain(cmd *cobra.Command) error {
	switch {
	case f.plan && f.list:
		return cli.UsageErrorf("--plan and --list exclude each other: --plan says more")
	case f.watch && (f.plan || f.list || f.untilFail || f.zoo || f.update || f.updateBaseline || f.shardFlag != ""):
		return cli.UsageErrorf("--watch excludes --plan, --list, --until-fail, --zoo, --shard and updates of files")
	case f.untilFail && f.zoo:
		return cli.UsageErrorf("--until-fail excludes --zoo: there red is what is wanted")
	}
	if f.rounds = f.repeat; f.untilFail && !cmd.Flags().Changed("repeat") {
		f.rounds = 0
	}
	return nil
}

// orderSpecs keeps what --rerun-failed wants, in the order that --shuffle wants.
func (e *execution) orderSpecs() error {
	if e.flags.rerunFailed != "" {
		if err := e.keepFailed(); err != nil {
			return err
		}
	}
	if e.flags.shuffle {
		order := seed.New(e.flags.seed).SplitBy("shuffle").NewRand()
		shuffleSpecs(order, e.specs)
	}
	return nil
}

func shuffleSpecs(order *rand.Rand, specs []coordinator.Spec) {
	slices.SortFunc(specs, func(a, b coordinator.Spec) int { return cmp.Compare(a.Name, b.Name) })
	order.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
}

// keepFailed drops the specs that passed in the earlier result, and those it does not know.
func (e *execution) keepFailed() error {
	file := e.flags.rerunFailed
	d, err := report.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && file == lastFile:
		return cli.UsageErrorf("--rerun-failed: no run was made in this folder before; run once without it, or name a result with --rerun-failed=FILE")
	case err != nil:
		return cli.UsageErrorf("--rerun-failed=%s: %v", file, err)
	}
	failed := failedSpecs(d)
	if len(failed) == 0 {
		return cli.ExitError{Code: outcome.ExitNothing, Err: fmt.Errorf("nothing was selected: nothing failed in %s", file)}
	}
	e.specs = slices.DeleteFunc(e.specs, func(s coordinator.Spec) bool { return !failed[specID(s.Preview)] })
	e.keepGoSpecs(func(_ int, name string) bool { return failed[name] })
	if len(e.specs)+e.goSpecCount() == 0 {
		return cli.ExitError{Code: outcome.ExitNothing, Err: fmt.Errorf("nothing was selected: what failed in %s (%s) is not among the suites and targets of this run", file, plural.Count(len(failed), "scenario"))}
	}
	return nil
}

// failedSpecs returns what did not pass, by "id on target".
func failedSpecs(d outcome.Run) map[string]bool {
	failed := map[string]bool{}
	for _, r := range d.Results {
		switch r.Verdict {
		case outcome.Fail, outcome.Flaky, outcome.Blocked, outcome.Invalid, outcome.Stale:
			failed[r.SpecName()] = true
		}
	}
	return failed
}

// wantsRound reports whether another round follows.
func (e *execution) wantsRound(played int, last outcome.Run) bool {
	if played > 0 && e.flags.untilFail && last.ExitCode(e.flags.strict) != outcome.ExitOK {
		return false
	}
	return e.flags.rounds == 0 || played < e.flags.rounds
}

// writeResult writes the document as --json does.
func writeResult(file string, d outcome.Run) error {
	return report.WriteFile(file, func(w io.Writer) error { return report.WriteJSON(w, d) })
}
