// Package explorecmd is `harness explore`, `harness replay` and `harness record`: the
// search for faults that a program does not bear, and what is kept of it. The engine is
// in harness/explore and harness/capture.
//
//	root.AddCommand(explorecmd.Commands()...)
package explorecmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/outputs"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// Commands returns the verbs.
func Commands() []*cobra.Command { return []*cobra.Command{newExplore(), newReplay(), newRecord()} }

// The limits that hold without a flag.
const (
	defaultBudget       = time.Minute
	defaultStartTimeout = 10 * time.Second
	defaultSeed         = 1
)

// exploreFlags is what the user asked `harness explore` for.
type exploreFlags struct {
	targets.Flags
	budget       time.Duration
	points       int
	seed         int64
	pairs        bool
	plan         bool
	faults       []string
	shard        string
	store        string
	outputs      outputs.Flags
	ndjson       string // FILE of the events, one a line
	text         string // FILE of the text
	format       string // text or ndjson: the older spelling of the two for stdout
	baseline     string
	pcap         string
	startTimeout time.Duration
	noColor      bool

	kinds []explore.Fault
	part  outcome.Shard // zero: the whole
}

func newExplore() *cobra.Command {
	f := &exploreFlags{}
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Search the fault space of one conversation",
		Long: `Explore injects every fault at every byte of a conversation: it cuts, ends, resets,
stalls, corrupts and duplicates what the program under test receives, and what it
sends. It needs a program and a conversation, and no knowledge of the protocol.

First it runs the conversation four times without a fault. Then it tries the borders
of messages, then the middle of each gap whose ends differ, then every byte, until
--budget is over. A finding is confirmed three times, reported as a range with a
rule, reduced, and kept in .harness/findings as a scenario file. "harness replay ID"
and "harness run .harness/findings/ID.yaml" run it again. The next exploration runs
it first.

On a terminal it shows its progress and a map of the bytes. Elsewhere it writes one
JSON event per line (with --text -: readable text). Each format has a flag of its name, as in
harness run: --json FILE, --html FILE; - is stdout.

Exit status: 0 nothing found, 1 findings, 2 usage or configuration, 3 the target
cannot be explored or the harness failed, 130 interrupted. It stops with 3 when its output
is closed.`,
		Example: `  harness explore --server 'python3 server.py {port}' --send 'hello\n' --expect 'HELLO\n'
  harness explore --config harness.yaml --target kv --budget 20s
  harness explore --client './fetch {host} {port}' --dialogue http.yaml --json found.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	f.Flags.RegisterFlags(flags)
	flags.DurationVar(&f.budget, "budget", defaultBudget, "maximum `TIME` for each target; 0: until every point was tried")
	flags.IntVar(&f.points, "points", 0, "maximum number `N` of points for each target (default: all)")
	flags.Int64Var(&f.seed, "seed", defaultSeed, "seed `N` of all random choices")
	flags.BoolVar(&f.pairs, "pairs", false, "also try two faults on one connection: a split and another one after it")
	flags.BoolVar(&f.plan, "plan", false, "print the size of the fault space, the time that a search of all of it takes and what is out of reach, and stop")
	flags.StringSliceVar(&f.faults, "fault", nil, "only this `FAULT` (repeatable): "+faultNames())
	flags.StringVar(&f.shard, "shard", "", "only part `I/N` of the points; the parts are disjoint and complete; auto: read it from the CI's variables")
	flags.StringVar(&f.store, "store", "", "`FOLDER` for findings (default: .harness/findings in this folder), or none")
	f.outputs.RegisterFlags(flags)
	flags.StringVar(&f.text, "text", "", "write readable text to `FILE` (- for stdout: the default on a terminal)")
	flags.StringVar(&f.ndjson, "ndjson", "", "write each event as a line of JSON to `FILE` (- for stdout: the default elsewhere)")
	flags.StringVar(&f.format, "format", "auto", "`FORMAT` of stdout: text, ndjson, or auto (text on a terminal)")
	_ = flags.MarkHidden("format") // an error means that there is no such flag
	flags.StringVar(&f.baseline, "baseline", "", "compare with an earlier result in `FILE` (from --json): only new and regressed findings make the run fail")
	flags.StringVar(&f.pcap, "pcap", "", "run each finding once more, and write what passes as pcapng files into `DIR`")
	flags.DurationVar(&f.startTimeout, "start-timeout", defaultStartTimeout, "time limit `TIME` for a server to start listening")
	flags.BoolVar(&f.noColor, "no-color", false, "print no colours")
	f.RegisterCompletions(cmd)
	cli.CompleteFlag(cmd, "fault", cobra.FixedCompletions(strings.Split(faultNames(), ", "), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func faultNames() string {
	var names []string
	for _, one := range explore.AllFaults() {
		names = append(names, string(one))
	}
	return strings.Join(names, ", ")
}

func (f *exploreFlags) checkFlags() error {
	for _, name := range f.faults {
		if !slices.Contains(explore.AllFaults(), explore.Fault(name)) {
			return cli.UsageErrorf("--fault %q: want one of %s", name, faultNames())
		}
		f.kinds = append(f.kinds, explore.Fault(name))
	}
	switch {
	case f.budget < 0:
		return cli.UsageErrorf("--budget %s: want 0 or more", f.budget)
	case f.points < 0:
		return cli.UsageErrorf("--points %d: want 0 or more", f.points)
	case f.startTimeout <= 0:
		return cli.UsageErrorf("--start-timeout %s: want more than 0", f.startTimeout)
	}
	if err := f.checkOutputs(); err != nil {
		return err
	}
	part, err := cli.ParseShard(f.shard, os.Getenv)
	if err != nil {
		return err
	}
	if part != nil {
		f.part = *part
	}
	return cli.CheckFolder("pcap", f.pcap)
}

// run is `harness explore`.
func (f *exploreFlags) run(cmd *cobra.Command) error {
	if err := f.checkFlags(); err != nil {
		return err
	}
	all, err := f.AllTargets()
	if err != nil {
		return err
	}
	if err := f.CheckPeers(all); err != nil {
		return err
	}
	chosen, err := f.SelectTargets(all)
	if err != nil {
		return err
	}
	before, err := f.loadBaseline()
	if err != nil {
		return err
	}
	ctx, run, release, err := cli.StartRun(cmd.Context())
	if err != nil {
		return err
	}
	defer release()
	x := &exploration{flags: f, stderr: cmd.ErrOrStderr(), tmp: run.Tmp, self: run.Self, before: before, began: time.Now()}
	closeOutputs, err := x.openOutputs(cmd)
	if err != nil {
		return err
	}
	defer closeOutputs()
	ctx, unwatch := x.watchReader(ctx, cmd)
	defer unwatch()
	if f.plan {
		err := x.tellPlans(ctx, chosen)
		return cmp.Or(cli.ReaderError(ctx), err)
	}
	x.exploreAll(ctx, chosen)
	return x.finish(ctx)
}

// rolesOf returns a target for each peer that is explored. Of two programs the
// conversation is recorded first.
func (x *exploration) rolesOf(ctx context.Context, t scenario.Target) []scenario.Target {
	if t.Test != scenario.Both {
		return []scenario.Target{t}
	}
	server, client, notes, err := explore.RecordDialogue(ctx, x.options(t, scenario.Server))
	if err != nil {
		if ctx.Err() == nil {
			x.fail(t, err)
		}
		return nil
	}
	for _, n := range notes {
		x.note("%s: recorded: %s", t.Name, n)
	}
	return []scenario.Target{server, client}
}

// exploreAll explores one target after the other.
func (x *exploration) exploreAll(ctx context.Context, chosen []scenario.Target) {
	for _, t := range chosen {
		for _, one := range x.rolesOf(ctx, t) {
			if ctx.Err() != nil {
				return
			}
			x.exploreOne(ctx, one)
		}
	}
}

func (x *exploration) options(t scenario.Target, role scenario.Role) explore.Options {
	f := x.flags
	return explore.Options{Target: t, Role: role, Seed: f.seed, Budget: f.budget, Points: f.points, Pairs: f.pairs, Faults: f.kinds,
		Shard: f.part, Tmp: x.tmp, Self: x.self, StartTimeout: f.startTimeout}
}

func (x *exploration) exploreOne(ctx context.Context, t scenario.Target) {
	o := x.options(t, t.Test)
	stored := x.storedFindings(t.Name)
	for _, one := range stored {
		o.First = append(o.First, one.ToFinding())
	}
	x.target = t.Name
	o.Observe = x.observe
	result, err := explore.Run(ctx, o)
	x.clearStatus()
	switch {
	case ctx.Err() != nil && err != nil:
		return
	case err != nil:
		x.fail(t, err)
		return
	}
	if result.Played == 0 && len(result.Findings) == 0 && ctx.Err() == nil {
		x.fail(t, errors.New("not one point was tried: give it more time with --budget"))
	}
	x.keep(t, stored, &result)
	x.record(ctx, t, &result)
	x.results = append(x.results, explored{target: t, result: result})
	x.tellResult(t, result)
}

// fail notes a target that could not be explored.
func (x *exploration) fail(t scenario.Target, err error) {
	text := fmt.Sprintf("target %s: %v", t.Name, err)
	x.problems = append(x.problems, text)
	x.terminal.Printf("%s\n", sanitize(text))
	x.emit(map[string]any{"event": "error", "target": t.Name, "detail": err.Error()})
}

func (x *exploration) finish(ctx context.Context) error {
	d := x.document()
	if ctx.Err() != nil {
		d.Stopped = "interrupted"
	}
	if gone := cli.ReaderError(ctx); gone != nil { // the files are written all the same
		x.discardStdout(gone)
	}
	err := errors.Join(x.writeReports(d), x.terminal.Err(), x.events.Err())
	if err != nil {
		return cli.ExitError{Code: outcome.ExitHarness, Err: err}
	}
	switch code := x.exitCode(d); {
	case code == outcome.ExitHarness && !x.textShown:
		return cli.ExitError{Code: code, Err: errors.New(strings.Join(x.problems, "\n"))}
	case code != outcome.ExitOK:
		return cli.ExitError{Code: code}
	}
	return nil
}

// exitCode is 1 for findings that count.
func (x *exploration) exitCode(d explore.Document) int {
	switch {
	case d.Stopped != "":
		return outcome.ExitInterrupted
	case len(x.problems) > 0:
		return outcome.ExitHarness
	}
	for _, f := range d.Findings {
		if x.counts(f) {
			return outcome.ExitVerdicts
		}
	}
	return outcome.ExitOK
}
