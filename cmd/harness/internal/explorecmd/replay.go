package explorecmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
)

// replayFlags is what the user asked `harness replay` for.
type replayFlags struct {
	targets.Flags
	store        string
	seed         int64
	startTimeout time.Duration
	against      string
	listen       string
	times        int
	tls          tlsFlags // of a dialogue
}

func newReplay() *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "replay ID|FILE",
		Short: "Run one finding or one recorded conversation again",
		Long: `Replay runs a finding of "harness explore" again: ID names a file in
.harness/findings, FILE is any scenario file. Replay says FIXED, FAILED or ERROR.

Flags name the target. Without them it is the target where the finding was found.

With --against or --listen, FILE is a dialogue: harness is its client or its
server, and says whether the other side follows the dialogue.

Exit status: 0 FIXED, or the other side follows the dialogue, 1 FAILED, 2 usage or
files, 3 ERROR: it could not be run.`,
		Example: `  harness replay 4fa0c2d1
  harness replay .harness/findings/4fa0c2d1.yaml --server './server {port}'
  harness replay dialogue.yaml --against 127.0.0.1:7000`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cli.FirstArgOnly(cli.SuggestWords(func(*cobra.Command) []string { return f.storedIDs() })),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	f.Flags.RegisterFlags(flags)
	flags.StringVar(&f.store, "store", explore.StoreFolder, "`FOLDER` of findings")
	flags.Int64Var(&f.seed, "seed", defaultSeed, "seed `N` of all random choices")
	flags.DurationVar(&f.startTimeout, "start-timeout", defaultStartTimeout, "`TIME` until a server must listen")
	flags.StringVar(&f.against, "against", "", "be the client of a dialogue to the server at `HOST:PORT`")
	flags.StringVar(&f.listen, "listen", "", "be the server of a dialogue at `HOST:PORT`")
	flags.IntVar(&f.times, "times", 1, "run a dialogue `N` times")
	f.tls.register(flags)
	f.RegisterCompletions(cmd)
	return cmd
}

func (f *replayFlags) storedIDs() []string {
	all, _ := explore.Store{Folder: f.store}.LoadAll("")
	var words []string
	for _, one := range all {
		words = append(words, one.Definition.Found.ID+"\t"+one.Definition.Title)
	}
	return words
}

func (f *replayFlags) run(cmd *cobra.Command, arg string) error {
	if f.against != "" || f.listen != "" {
		return f.replayDialogue(cmd, arg)
	}
	path, err := f.findFile(arg)
	if err != nil {
		return err
	}
	one, err := explore.LoadFile(path)
	if err != nil {
		return cli.UsageErrorf("%v", err)
	}
	target, err := f.chooseTarget(cmd, one)
	if err != nil {
		return err
	}
	ctx, run, release, err := cli.StartRun(cmd.Context())
	if err != nil {
		return err
	}
	defer release()
	r := &replayed{flags: f, one: one, target: target, tmp: run.Tmp, self: run.Self}
	if target.Test == scenario.Both {
		if err := r.recordOther(ctx); err != nil {
			return cli.HarnessErrorf("%w", err)
		}
	}
	word, text := r.judge(ctx)
	if ctx.Err() != nil {
		return cli.ExitError{Code: outcome.ExitInterrupted}
	}
	terminal := cli.NewTerminal(cmd, false)
	terminal.Printf("%s %s %s\n", word, r.name(), sanitize(text))
	if err := terminal.Err(); err != nil {
		return err
	}
	switch word {
	case wordFixed:
		return nil
	case wordFailed:
		return cli.ExitError{Code: outcome.ExitVerdicts}
	}
	return cli.ExitError{Code: outcome.ExitHarness}
}

// What a replay says.
const (
	wordFixed  = "FIXED"
	wordFailed = "FAILED"
	wordError  = "ERROR"
)

// findFile returns the file of an id, or of the beginning of one, or the path itself.
func (f *replayFlags) findFile(arg string) (string, error) {
	if strings.ContainsRune(arg, filepath.Separator) || filepath.Ext(arg) == ".yaml" || filepath.Ext(arg) == ".yml" {
		path, err := filepath.Abs(arg)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return "", cli.UsageErrorf("%s: %v", arg, cli.UnderlyingOSError(err))
		}
		return path, nil
	}
	found, err := filepath.Glob(filepath.Join(f.store, arg+"*.yaml"))
	switch {
	case err != nil || strings.ContainsAny(arg, `*?[\`):
		return "", cli.UsageErrorf("%q is no id", arg)
	case len(found) == 0:
		return "", cli.UsageErrorf("%s: no finding of this id in %s; it has %s", arg, f.store, strings.Join(f.idsAlone(), ", "))
	case len(found) > 1:
		return "", cli.UsageErrorf("%s: %s begin so in %s", arg, plural.Count(len(found), "finding"), f.store)
	}
	return filepath.Abs(found[0])
}

func (f *replayFlags) idsAlone() []string {
	var ids []string
	for _, word := range f.storedIDs() {
		id, _, _ := strings.Cut(word, "\t")
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return []string{"none"}
	}
	return ids
}

// chooseTarget returns the target that flags name, else the one of the finding.
func (f *replayFlags) chooseTarget(cmd *cobra.Command, one explore.StoredFinding) (scenario.Target, error) {
	from := &f.Flags
	found := one.Definition.Found
	if found != nil && !f.namesTarget(cmd) && len(found.Flags) > 0 {
		if found.Folder != "" {
			if err := os.Chdir(found.Folder); err != nil {
				return scenario.Target{}, cli.UsageErrorf("%s was found in another folder: %v; name the target with flags", found.ID, cli.UnderlyingOSError(err))
			}
		}
		from = &targets.Flags{}
		set := pflag.NewFlagSet("finding", pflag.ContinueOnError)
		from.RegisterFlags(set)
		if err := set.Parse(found.Flags); err != nil {
			return scenario.Target{}, cli.UsageErrorf("%s: its flags: %v", one.Path, err)
		}
	}
	all, err := from.AllTargets()
	if err != nil {
		return scenario.Target{}, err
	}
	chosen, err := from.SelectTargets(all)
	if err != nil {
		return scenario.Target{}, err
	}
	for _, t := range chosen {
		if found == nil || t.Name == found.Target || len(chosen) == 1 {
			return t, nil
		}
	}
	return scenario.Target{}, cli.UsageErrorf("%s is a finding in the target %s, which is not there; name one with --target", one.Path, found.Target)
}

// namesTarget reports whether flags on the command line describe a target.
func (f *replayFlags) namesTarget(cmd *cobra.Command) bool {
	for _, name := range []string{"config", "target", "server", "client", "dialogue", "send", "expect"} {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// A replayed is one finding, run again.
type replayed struct {
	flags  *replayFlags
	one    explore.StoredFinding
	target scenario.Target
	tmp    string
	self   string
}

// recordOther records what the two programs of the target say, and replaces the one that
// is not under test.
func (r *replayed) recordOther(ctx context.Context) error {
	server, client, _, err := explore.RecordDialogue(ctx, explore.Options{Target: r.target, Tmp: r.tmp, Self: r.self, StartTimeout: r.flags.startTimeout})
	r.target = server
	if r.one.Definition.Role == scenario.Client {
		r.target = client
	}
	return err
}

func (r *replayed) name() string {
	if f := r.one.Definition.Found; f != nil {
		return f.ID
	}
	return r.one.Definition.ID
}

// judge runs the steps of the file, and the point that it notes: FIXED says that neither
// shows anything.
func (r *replayed) judge(ctx context.Context) (word, text string) {
	word, text = r.runSteps(ctx)
	if word == wordFailed || r.one.Definition.Found == nil || ctx.Err() != nil {
		return word, text
	}
	again, err := explore.Replay(ctx, explore.Options{Target: r.target, Role: r.one.Definition.Role, Seed: r.flags.seed, Tmp: r.tmp, Self: r.self,
		StartTimeout: r.flags.startTimeout}, r.one.ToFinding())
	switch {
	case errors.Is(err, explore.ErrUnusable) && word == wordFixed && r.target.Lone():
		return word, text // there is no dialogue to explore, only the steps
	case err != nil:
		return wordError, err.Error()
	case again.Seen > 0:
		return wordFailed, fmt.Sprintf("%s (seen %d of 3 times)", again.Detail, again.Seen)
	}
	return word, text
}

// runSteps runs the file as a scenario.
func (r *replayed) runSteps(ctx context.Context) (word, text string) {
	run := runner.New(runner.Config{Seed: r.flags.seed, Tmp: r.tmp, Self: r.self, StartTimeout: r.flags.startTimeout})
	defer run.Close()
	word, text = wordError, "nothing of it could be run on target "+r.target.Name
	for _, result := range run.RunScenario(ctx, r.target, r.one.Definition.CompileScenario()) {
		switch result.Verdict {
		case outcome.Fail, outcome.Flaky:
			if result.Level == outcome.Must || result.Level == outcome.Should {
				return wordFailed, result.Message
			}
		case outcome.Pass:
			word, text = wordFixed, r.one.Definition.Title
		default:
			return wordError, string(result.Verdict) + ": " + result.Message
		}
	}
	return word, text
}
