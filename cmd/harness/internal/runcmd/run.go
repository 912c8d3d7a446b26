// Package runcmd is `harness run`: it selects suites and targets, starts the
// workers that play them, and writes the reports. The engine is in
// harness/coordinator, harness/suite and harness/runner.
//
//	root.AddCommand(runcmd.Commands()...)
package runcmd

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/outputs"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// Commands returns run, and the hidden commands of the processes that it starts.
func Commands() []*cobra.Command {
	return []*cobra.Command{newRun(), newWorker(), newPeer(), newStdio("pipes", peer.ServePipes), newStdio("socketpair", peer.ServeSocketpair)}
}

// defaultSweep is how many variants a scenario has at most against a server.
const defaultSweep = 96

// The limits that hold without a flag.
const (
	defaultTimeout      = time.Minute
	defaultBudget       = 2 * time.Second
	defaultStartTimeout = 10 * time.Second
)

// runFlags is what the user asked `harness run` for.
type runFlags struct {
	targets.Flags
	labelFilter  string
	focus, skip  []string
	variant      string
	profiles     []string
	sweep        int
	levels       []string
	strict       bool
	procs        int
	atOnce       int // of the procs; 0: all
	seed         int64
	failFast     bool
	timeout      time.Duration
	budget       time.Duration
	startTimeout time.Duration
	outputs      outputs.Flags

	suiteBinaries []string
	pcap          string
	waivers       string
	update        bool
	repeat        int
	zoo           bool
	list          bool
	infer         bool
	quiet         bool
	verbose       bool
	noColor       bool
	againFlags

	shardFlag      string
	shard          *outcome.Shard // what shardFlag says; nil: not a shard
	runID          string
	timings        string
	baseline       string
	updateBaseline bool
}

func newRun() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run [PATH…]",
		Short: "Run scenarios on targets",
		Long: `Run scenarios on targets. Exit 0 only if at least one scenario ran, every "must"
passed and no result was invalid.

PATH is a scenario file, a folder of them or of Go Ginkgo suites, "builtin:" for all
built-in suites or "builtin:eof" for one (in a checkout of harness also "scenarios/"
or "scenarios/eof"). Default: builtin:.

Go suites are compiled with the go command, or given by --suite-binary. Each finds
TOXIPROXY_URL, a daemon that speaks Toxiproxy's API, and HARNESS_SEED.

Targets come from --config, else from flags, else from the nearest harness.yaml in
this folder or above, else they are the reference peers compiled in.

In a command {host} {port} {addr} {tmp} {scenario} are replaced. If a server's
command has no {port}, the harness finds the port that the server opens.

Exit status: 0 all passed, 1 a failure, 2 wrong usage or configuration, 3 the
harness failed or a result is invalid, 4 no scenario was selected or could run,
130 interrupted. It stops with 3 when its output is closed.`,
		Example: `  harness run --server 'python3 server.py {port}' --send 'hello\n' --expect 'HELLO\n'
  harness run --server 127.0.0.1:6379 --dialogue redis.yaml builtin:reset
  harness run --client 'node fetch.mjs http://{addr}/' --dialogue http.yaml
  harness run --config harness.yaml --target kv --junit result.xml`,
		ValidArgsFunction: completeSuites,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSuites(cmd, f, args)
		},
	}
	f.registerFlags(cmd)
	f.RegisterCompletions(cmd)
	cli.CompleteFlag(cmd, "level", cli.SuggestWords(levelNames))
	return cmd
}

func (f *runFlags) registerFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.Flags.RegisterFlags(flags)
	flags.StringVar(&f.labelFilter, "label-filter", "", "run only scenarios whose labels match `FILTER`, such as 'eof && !should'; labels are the topic, the scenario name, the level and target=NAME (write - instead of /)")
	flags.StringArrayVar(&f.focus, "focus", nil, "run only scenarios whose \"id on target\" matches `REGEXP` (repeatable)")
	flags.StringArrayVar(&f.skip, "skip", nil, "leave out scenarios whose \"id on target\" matches `REGEXP` (repeatable)")
	flags.StringSliceVar(&f.profiles, "profile", nil, "run each variant also under harmless faults, which must not change its result: a list of `NAME`s: "+strings.Join(scenario.ProfileNames(), ", ")+" or all")
	flags.StringVar(&f.variant, "variant", "", "run only the variant `NAME`, such as byte=12")
	flags.IntVar(&f.sweep, "sweep", defaultSweep, "run at most `N` variants of a scenario on a server, a quarter of that on a client: the first, the last, and evenly between")
	flags.StringSliceVar(&f.levels, "level", nil, "run only scenarios of this `LEVEL`: must, should, may, info (repeatable)")
	flags.BoolVar(&f.strict, "strict", false, "a failure at level should makes the run fail, too")
	flags.IntVar(&f.procs, "procs", 0, "number `N` of worker processes (default: several for each CPU, started while the CPUs are idle)")
	flags.Int64Var(&f.seed, "seed", 0, "seed `N` of all random choices (default: a new one, printed)")
	flags.BoolVar(&f.failFast, "fail-fast", false, "stop at the first failure")
	flags.DurationVar(&f.timeout, "timeout", defaultTimeout, "time limit for one scenario on one target")
	flags.DurationVar(&f.startTimeout, "start-timeout", defaultStartTimeout, "time limit for a server to start listening; six times as long while it uses CPU")
	flags.DurationVar(&f.budget, "budget", defaultBudget, "time limit for a response that should be immediate")
	f.outputs.RegisterFlags(flags)
	flags.StringVar(&f.pcap, "pcap", "", "write what passed the proxy as pcapng files into `DIR`, for each variant that fails: that run, and the one that confirms it")
	flags.StringArrayVar(&f.suiteBinaries, "suite-binary", nil, "run the Ginkgo suite of a `FILE` made by \"go test -c\"; its tests run in the folder of the file (repeatable)")
	flags.StringVar(&f.waivers, "waivers", "", "`FILE` of known failures; an entry that no longer fails makes the run fail")
	flags.BoolVar(&f.update, "update-waivers", false, "add new failures to the --waivers file and delete entries that pass; you fill in each reason")
	flags.IntVar(&f.repeat, "repeat", 1, "run the selection `N` times; a verdict that changes makes the run fail")
	flags.BoolVar(&f.zoo, "zoo", false, "self-test: every target with a bug under planted must fail exactly there; all others must pass")
	f.registerShardFlags(flags)
	f.registerAgainFlags(flags)
	flags.BoolVar(&f.infer, "infer", false, "propose policies for each target from what it does, as YAML, and stop")
	flags.BoolVar(&f.list, "list", false, "list the selected scenarios without running them")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print only failures and the summary")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "also list each unsupported scenario")
	flags.BoolVar(&f.noColor, "no-color", false, "print no colours (default if NO_COLOR is set or the output is not a terminal)")
}

// checkFlags finds what is wrong with the flags before anything starts.
func (f *runFlags) checkFlags(cmd *cobra.Command) error {
	if f.procs < 0 || f.procs > 256 {
		return cli.UsageErrorf("--procs %d: want 1 to 256", f.procs)
	}
	if f.sweep < 2 {
		return cli.UsageErrorf("--sweep %d: want 2 or more", f.sweep)
	}
	if f.procs == 0 {
		f.procs, f.atOnce = min(8*runtime.NumCPU(), 32), runtime.NumCPU()
	}
	for name, limit := range map[string]time.Duration{"timeout": f.timeout, "budget": f.budget, "start-timeout": f.startTimeout} {
		if limit <= 0 {
			return cli.UsageErrorf("--%s %s: want more than 0", name, limit)
		}
	}
	for name, expressions := range map[string][]string{"focus": f.focus, "skip": f.skip} {
		for _, e := range expressions {
			if _, err := regexp.Compile(e); err != nil {
				return cli.UsageErrorf("--%s %q: %v", name, e, err)
			}
		}
	}
	if err := f.checkProfiles(); err != nil {
		return err
	}
	if err := suite.CheckFilter(f.labelFilter); err != nil {
		return cli.UsageErrorf("--label-filter %q: %v", f.labelFilter, err)
	}
	if _, err := parseLevels(f.levels); err != nil {
		return err
	}
	if !cmd.Flags().Changed("seed") {
		f.seed = time.Now().UnixNano() % 1_000_000
	}
	if err := f.checkAgain(cmd); err != nil {
		return err
	}
	if err := f.checkShard(cmd); err != nil {
		return err
	}
	if f.repeat < 1 {
		return cli.UsageErrorf("--repeat %d: want at least 1", f.repeat)
	}
	if f.update && f.waivers == "" {
		return cli.UsageErrorf("--update-waivers: name the file with --waivers FILE")
	}
	if f.zoo && (f.outputs.Path("junit") != "" || f.waivers != "" || f.failFast) {
		return cli.UsageErrorf("--zoo cannot be combined with --junit, --waivers or --fail-fast: it expects failures")
	}
	return errors.Join(f.outputs.CheckPaths(), cli.CheckFolder("pcap", f.pcap))
}

// replayCommand is the command that runs one variant of one scenario on one target
// again, and ends as this run would if it had played nothing else. It calls the harness
// by the name that was typed. The file is that of the scenario; empty for a built-in one.
func (f *runFlags) replayCommand(r outcome.Result, file string) string {
	line := fmt.Sprintf("%s run%s --seed %d --focus %s", targets.QuoteWord(os.Args[0]), f.Flags.ReplayFlags(r.Target), f.seed,
		targets.QuoteWord("^"+regexp.QuoteMeta(r.Scenario+" on "+r.Target)+"$"))
	line += f.replayLimits()
	if f.sweep != defaultSweep {
		line += fmt.Sprintf(" --sweep %d", f.sweep)
	}
	if len(f.profiles) > 0 {
		line += " --profile " + strings.Join(f.profiles, ",")
	}
	if r.Variant != "" {
		line += " --variant " + targets.QuoteWord(r.Variant)
	}
	if file != "" {
		line += " " + targets.QuoteWord(file)
	}
	return line
}

// replayLimits repeats the flags that may change a verdict, or what it costs.
func (f *runFlags) replayLimits() string {
	text := ""
	if f.strict {
		text += " --strict"
	}
	for _, limit := range []struct {
		name         string
		value, usual time.Duration
	}{{"timeout", f.timeout, defaultTimeout}, {"budget", f.budget, defaultBudget}, {"start-timeout", f.startTimeout, defaultStartTimeout}} {
		if limit.value != limit.usual {
			text += fmt.Sprintf(" --%s %s", limit.name, limit.value)
		}
	}
	if f.waivers != "" {
		text += " --waivers " + targets.QuoteWord(f.waivers)
	}
	return text
}
