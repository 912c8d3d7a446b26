package runcmd

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/scenariofile"
)

// A watchRun plays the selection in a process of its own each time a file changes.
type watchRun struct {
	flags    *runFlags
	terminal cli.Terminal
	paths    []string
	tmp      string
	before   map[string]outcome.Result // the worst of each "id on target"; nil before the first run
}

// watchSuites is `harness run --watch`. It blocks until ^C.
func watchSuites(cmd *cobra.Command, f *runFlags, paths []string) error {
	if err := f.checkFlags(cmd); err != nil {
		return err
	}
	if slices.Contains(paths, scenariofile.Stdin) {
		return cli.UsageErrorf("--watch cannot watch standard input: name a file")
	}
	tmp, err := os.MkdirTemp("", "harness-watch-")
	if err != nil {
		return cli.HarnessErrorf("temporary folder: %w", err)
	}
	defer os.RemoveAll(tmp)
	w := &watchRun{flags: f, terminal: cli.NewTerminal(cmd, f.noColor), paths: paths, tmp: tmp}
	watched, unwatch := w.terminal.WatchReader(cmd.Context())
	defer unwatch()
	ctx, _, release := cli.NotifyInterrupts(watched)
	defer release()
	changes, err := newFileWatch()
	if err != nil {
		return cli.HarnessErrorf("watch: %w", err)
	}
	defer changes.Close()
	for {
		changes.setPaths(f.watchedFiles(paths), watchedFolders(paths))
		if err := w.playOnce(ctx); err != nil {
			return err
		}
		w.terminal.Printf("watching %s; ^C ends\n", plural.Count(changes.fileCount(), "file"))
		changed, err := changes.awaitChange(ctx)
		if err != nil || w.terminal.Failed != nil {
			return cmp.Or(cli.ReaderError(watched), error(cli.ExitError{Code: outcome.ExitInterrupted, Err: w.terminal.Err()}))
		}
		w.terminal.Printf("\nchanged: %s\n", strings.Join(changed, ", "))
	}
}

// playOnce runs the same command without --watch, and tells what became of it: all of
// the first run, and of later ones what changed.
func (w *watchRun) playOnce(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return cli.HarnessErrorf("own path: %w", err)
	}
	result := filepath.Join(w.tmp, "result.json")
	os.Remove(result)
	cmd := exec.CommandContext(ctx, self, append(withoutWatch(os.Args[1:]), "--watch-result", result)...)
	cmd.Args[0] = os.Args[0]
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if w.before == nil {
		cmd.Stdout, cmd.Stderr = w.terminal.Out, os.Stderr
	}
	ownGroup(cmd)
	runErr := cmd.Run()
	if ctx.Err() != nil {
		return cmp.Or(cli.ReaderError(ctx), error(cli.ExitError{Code: outcome.ExitInterrupted}))
	}
	d, err := report.ReadFile(result)
	if err != nil {
		w.terminal.Printf("%s%s", &out, &stderr)
		if runErr == nil {
			return cli.HarnessErrorf("watch: the run left no result: %w", err)
		}
		return nil
	}
	w.tellChanges(d)
	return nil
}

// tellChanges prints a line for each scenario on a target whose verdict is another one.
func (w *watchRun) tellChanges(d outcome.Run) {
	now := worstResults(d)
	if w.before != nil {
		lines := changedVerdicts(w.before, now)
		for _, line := range lines {
			w.terminal.Printf("%s\n", line)
		}
		if len(lines) == 0 {
			w.terminal.Printf("no verdict changed\n")
		}
		w.terminal.Printf("%s\n", report.SummaryLine(d, w.flags.strict))
	}
	w.before = now
}

// changedVerdicts compares two runs, in the order of names.
func changedVerdicts(before, now map[string]outcome.Result) []string {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	var lines []string
	for name := range names {
		old, was := before[name]
		r, is := now[name]
		switch {
		case was && is && old.Verdict == r.Verdict:
		case !is:
			lines = append(lines, fmt.Sprintf("%s: %s, is gone", name, old.Verdict))
		case !was:
			lines = append(lines, fmt.Sprintf("%s: new, %s%s", name, r.Verdict, reasonOf(r.Message)))
		default:
			lines = append(lines, fmt.Sprintf("%s: %s, was %s%s", name, r.Verdict, old.Verdict, reasonOf(r.Message)))
		}
	}
	slices.Sort(lines)
	return lines
}

func reasonOf(message string) string {
	line := excerpt.FirstLine(message)
	if line == "" {
		return ""
	}
	return ": " + line
}

// worstResults returns the worst result of each scenario on each target.
func worstResults(d outcome.Run) map[string]outcome.Result {
	order := []outcome.Verdict{outcome.Unsupported, outcome.Pass, outcome.Waived, outcome.Stale, outcome.Flaky, outcome.Blocked, outcome.Fail, outcome.Invalid}
	worst := map[string]outcome.Result{}
	for _, r := range d.Results {
		before, there := worst[r.SpecName()]
		if !there || slices.Index(order, r.Verdict) > slices.Index(order, before.Verdict) {
			worst[r.SpecName()] = r
		}
	}
	return worst
}

// withoutWatch returns the arguments of one run.
func withoutWatch(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--watch" || strings.HasPrefix(a, "--watch=") })
}
