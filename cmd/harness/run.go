package main

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/suite"
)

// defaultSweep is how many variants a scenario has at most against a server.
const defaultSweep = 96

// runFlags is what the user asked `harness run` for.
type runFlags struct {
	targetFlags
	labelFilter  string
	focus, skip  []string
	variant      string
	sweep        int
	levels       []string
	strict       bool
	procs        int
	seed         int64
	failFast     bool
	timeout      time.Duration
	budget       time.Duration
	startTimeout time.Duration
	junit, json  string
	waivers      string
	update       bool
	repeat       int
	zoo          bool
	list         bool
	quiet        bool
	verbose      bool
	noColor      bool
}

func newRun() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run [PATH…]",
		Short: "Run suites on targets",
		Long: `Run suites on targets, and exit with 0 only if at least one scenario ran, every
"must" passed and nothing was invalid.

Suites: without PATH the built-in ones; "builtin:" or "builtin:eof" by name; in a
checkout of harness also "scenarios/" or "scenarios/eof".

Targets: from --config, else from flags, else from the nearest harness.yaml
upward, else the reference peers that are compiled in.

In a command {host} {port} {addr} {tmp} {scenario} are replaced. A server whose
command has no {port} is found by the port that it opens.

Exit status: 0 all well, 1 verdicts, 2 usage or configuration, 3 the harness
failed or a result is invalid, 4 nothing was selected, 130 interrupted.`,
		Example: `  harness run --server 'python3 server.py {port}' --send 'hello\n' --expect 'HELLO\n'
  harness run --server 127.0.0.1:6379 --dialogue redis.yaml builtin:reset
  harness run --client 'node fetch.mjs http://{addr}/' --dialogue http.yaml
  harness run --config harness.yaml --target kv --junit result.xml`,
		ValidArgsFunction: suites,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSuites(cmd, f, args)
		},
	}
	f.register(cmd)
	f.complete(cmd)
	completeFlag(cmd, "level", suggest(levelNames))
	return cmd
}

func (f *runFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.targetFlags.register(flags)
	flags.StringVar(&f.labelFilter, "label-filter", "", "only scenarios whose labels match the `FILTER`, such as 'eof && !should' (topic, name, level, target=NAME with - for /)")
	flags.StringArrayVar(&f.focus, "focus", nil, "only scenarios whose \"id on target\" matches the `REGEXP` (may be repeated)")
	flags.StringArrayVar(&f.skip, "skip", nil, "not those whose \"id on target\" matches the `REGEXP` (may be repeated)")
	flags.StringVar(&f.variant, "variant", "", "only the variant of this `NAME`, such as byte=12")
	flags.IntVar(&f.sweep, "sweep", defaultSweep, "at most `N` variants of one scenario to a server, a quarter of that to a client: the first, the last, and evenly between")
	flags.StringSliceVar(&f.levels, "level", nil, "only scenarios of this `LEVEL`: must, should, may, info (may be repeated)")
	flags.BoolVar(&f.strict, "strict", false, "a failure at level should is red too")
	flags.IntVar(&f.procs, "procs", 0, "`N` worker processes (default 4 per core, at most 32)")
	flags.Int64Var(&f.seed, "seed", 0, "seed `N` of everything random (default: a new one, printed)")
	flags.BoolVar(&f.failFast, "fail-fast", false, "stop at the first failure")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "longest time for one scenario on one target")
	flags.DurationVar(&f.startTimeout, "start-timeout", 10*time.Second, "how long a server may take until it listens")
	flags.DurationVar(&f.budget, "budget", 2*time.Second, "how long a peer may take for what it should do at once")
	flags.StringVar(&f.junit, "junit", "", "write JUnit XML to `FILE` (- for stdout)")
	flags.StringVar(&f.json, "json", "", "write the JSON result to `FILE` (- for stdout)")
	flags.StringVar(&f.waivers, "waivers", "", "known failures: a `FILE` of scenario, target, reason; an entry that is not true any more is red")
	flags.BoolVar(&f.update, "update-waivers", false, "add to --waivers what fails, drop what passes; the reasons are for you to write")
	flags.IntVar(&f.repeat, "repeat", 1, "play the selection `N` times; a verdict that changes is red")
	flags.BoolVar(&f.zoo, "zoo", false, "judge the harness by targets whose bugs are known (planted:): each found by what it is for, nobody else accused")
	flags.BoolVar(&f.list, "list", false, "list what would run, and run nothing")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "only failures and the summary")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "also what is unsupported, one by one")
	flags.BoolVar(&f.noColor, "no-color", false, "no colours (also with NO_COLOR set, and in a pipe)")
}

// check finds what is wrong with the flags before anything starts.
func (f *runFlags) check(cmd *cobra.Command) error {
	if f.procs < 0 || f.procs > 256 {
		return usage("--procs %d: want 1 to 256", f.procs)
	}
	if f.sweep < 2 {
		return usage("--sweep %d: want 2 or more", f.sweep)
	}
	if f.procs == 0 {
		f.procs = min(4*runtime.NumCPU(), 32)
	}
	for name, limit := range map[string]time.Duration{"timeout": f.timeout, "budget": f.budget, "start-timeout": f.startTimeout} {
		if limit <= 0 {
			return usage("--%s %s: want more than 0", name, limit)
		}
	}
	for name, expressions := range map[string][]string{"focus": f.focus, "skip": f.skip} {
		for _, e := range expressions {
			if _, err := regexp.Compile(e); err != nil {
				return usage("--%s %q: %v", name, e, err)
			}
		}
	}
	if err := suite.CheckFilter(f.labelFilter); err != nil {
		return usage("--label-filter %q: %v", f.labelFilter, err)
	}
	if _, err := parseLevels(f.levels); err != nil {
		return err
	}
	if !cmd.Flags().Changed("seed") {
		f.seed = time.Now().UnixNano() % 1_000_000
	}
	if f.repeat < 1 {
		return usage("--repeat %d: want at least 1", f.repeat)
	}
	if f.update && f.waivers == "" {
		return usage("--update-waivers: say which file with --waivers FILE")
	}
	if f.zoo && (f.junit != "" || f.waivers != "" || f.failFast) {
		return usage("--zoo excludes --junit, --waivers and --fail-fast: there red is what is wanted")
	}
	if f.junit == "-" && f.json == "-" {
		return usage("--junit - and --json - exclude each other: there is one standard output")
	}
	return cmp.Or(checkWritable("junit", f.junit), checkWritable("json", f.json))
}

// again is the command that runs one variant of one scenario on one target again.
func (f *runFlags) again(r outcome.Result) string {
	line := fmt.Sprintf("harness run%s --seed %d --focus %s", f.targetFlags.again(r.Target), f.seed,
		quote("^"+regexp.QuoteMeta(r.Scenario+" on "+r.Target)+"$"))
	if f.sweep != defaultSweep {
		line += fmt.Sprintf(" --sweep %d", f.sweep)
	}
	if r.Variant != "" {
		line += " --variant " + quote(r.Variant)
	}
	return line
}
