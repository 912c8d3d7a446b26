package runcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/api"
	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/gosuite"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/report"
)

// A goSuite is a Ginkgo suite of somebody else in this run.
type goSuite struct {
	*gosuite.Suite
	replay string // what names it on the command line
}

// prepareGoSuites compiles the Go suites of the selection into the folder of the run and asks
// them for their specs. All that is wrong with them is told before anything starts.
func (e *execution) prepareGoSuites(ctx context.Context, folders []string) error {
	if len(folders)+len(e.flags.suiteBinaries) == 0 {
		return nil
	}
	if err := e.startDir(); err != nil {
		return err
	}
	errs := e.compileGoSuites(ctx, folders)
	for _, binary := range e.flags.suiteBinaries {
		s, err := gosuite.OpenBinary(binary)
		if err != nil {
			errs = append(errs, fmt.Errorf("--suite-binary %w", err))
			continue
		}
		e.goSuites = append(e.goSuites, goSuite{s, "--suite-binary " + targets.QuoteWord(binary)})
	}
	errs = append(errs, e.previewGoSuites(ctx)...)
	if err := errors.Join(errs...); err != nil {
		return cli.UsageErrorf("Go suites cannot be run:\n%v", err)
	}
	return nil
}

// compileGoSuites compiles the Go suites in the folders.
func (e *execution) compileGoSuites(ctx context.Context, folders []string) (errs []error) {
	start := time.Now()
	for _, folder := range folders {
		packages, err := gosuite.FindPackages(ctx, folder)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", folder, err))
			continue
		}
		for _, p := range packages {
			s, err := p.Compile(ctx, e.dir.Path)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			e.goSuites = append(e.goSuites, goSuite{s, targets.QuoteWord(relativePath(p.Dir))})
		}
	}
	if compiled := len(e.goSuites); compiled > 0 && !e.flags.quiet && !e.flags.list {
		e.printNote("compiled %s in %.1f s\n", plural.Count(compiled, "Go suite"), time.Since(start).Seconds())
	}
	return errs
}

// previewGoSuites asks all suites for their specs.
func (e *execution) previewGoSuites(ctx context.Context) []error {
	errs := make([]error, len(e.goSuites))
	var asked sync.WaitGroup
	for i, s := range e.goSuites {
		asked.Go(func() {
			errs[i] = s.Preview(ctx, gosuite.Filter{Seed: e.flags.seed, LabelFilter: e.flags.labelFilter, Keep: e.wantsGoSpec})
		})
	}
	asked.Wait()
	return errs
}

// relativePath is the folder as seen from the current one, with a leading dot.
func relativePath(dir string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return dir
	}
	relative, err := filepath.Rel(here, dir)
	if err != nil {
		return dir
	}
	if !strings.HasPrefix(relative, ".") {
		relative = "./" + relative
	}
	return relative
}

// wantsGoSpec reports whether --focus, --skip and --level leave a spec. All specs are of
// level must.
func (e *execution) wantsGoSpec(name string) bool {
	matches := func(expression string) bool { return regexp.MustCompile(expression).MatchString(name) }
	focused := len(e.flags.focus) == 0 || slices.ContainsFunc(e.flags.focus, matches)
	level := len(e.flags.levels) == 0 || slices.Contains(e.flags.levels, string(outcome.Must))
	return focused && level && !slices.ContainsFunc(e.flags.skip, matches)
}

// goSpecCount returns how many specs of Go suites are selected.
func (e *execution) goSpecCount() (n int) {
	for _, s := range e.goSuites {
		n += len(s.Specs)
	}
	return n
}

// keepGoSpecs drops the specs of Go suites that are not to be kept.
func (e *execution) keepGoSpecs(keep func(position int, name string) bool) {
	position := 0
	for _, s := range e.goSuites {
		s.KeepSpecs(func(name string) bool {
			position++
			return keep(position-1, s.SpecName(name))
		})
	}
}

// playGoSuites plays the Go suites one after the other, each with all workers.
func (r *round) playGoSuites(ctx context.Context, hard <-chan struct{}, progress *report.Progress) (total coordinator.Result) {
	for _, s := range r.goSuites {
		if ctx.Err() != nil || total.Aborted {
			total.Missing = append(total.Missing, s.Specs...)
			continue
		}
		result := r.playGoSuite(ctx, hard, s, progress)
		total.Interrupted = total.Interrupted || result.Interrupted
		total.Aborted = total.Aborted || result.Aborted
	}
	total.Interrupted = total.Interrupted || ctx.Err() != nil && len(total.Missing) > 0
	return total
}

// playGoSuite plays one suite beside a daemon of its own that speaks Toxiproxy's API.
func (r *round) playGoSuite(ctx context.Context, hard <-chan struct{}, s goSuite, progress *report.Progress) coordinator.Result {
	daemon, stop, err := api.StartLocal() // for suites that know Toxiproxy's client alone
	if err != nil {
		r.problems = append(r.problems, fmt.Sprintf("daemon for Go suites: %v", err))
		return coordinator.Result{}
	}
	defer stop()
	add := func(result outcome.Result) []outcome.Result {
		if result.Verdict != outcome.Pass && result.Verdict != outcome.Unsupported {
			result.Replay = r.flags.replayGoSpec(s, result.Scenario)
		}
		r.results = append(r.results, result)
		r.played[result.SpecName()] = true
		return []outcome.Result{result}
	}
	result, err := s.Run(ctx, gosuite.Run{
		Procs: r.flags.procs, FailFast: r.flags.failFast, SpecTimeout: r.flags.timeout, Hard: hard,
		Env: []string{"TOXIPROXY_URL=http://" + daemon},
		OnProgress: func(proc int, name, step string) {
			if step != "" {
				name += ": " + step
			}
			progress.ScenarioStarted(proc, name)
		},
		OnReport: func(one outcome.Result) {
			progress.ScenarioFinished(one.SpecName(), r.waivers.AcceptResults(add(one), r.started))
		},
	})
	if trouble := s.Trouble(result, err); trouble != nil {
		progress.ScenarioFinished(trouble.SpecName(), add(*trouble))
	}
	return result
}

// replayGoSpec is the command that runs one spec of a Go suite again.
func (f *runFlags) replayGoSpec(s goSuite, text string) string {
	focus := ""
	if !strings.HasPrefix(text, "[") {
		focus = " --focus " + targets.QuoteWord("^"+regexp.QuoteMeta(s.SpecName(text))+"$")
	}
	return fmt.Sprintf("%s run --seed %d%s%s %s", targets.QuoteWord(os.Args[0]), f.seed, focus, f.replayLimits(), s.replay)
}
