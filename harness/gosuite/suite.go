package gosuite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

const (
	waitDelay      = 2 * time.Second
	previewTimeout = 2 * time.Minute // for a dry run, which builds the tree of specs
	previewMemory  = "256MiB"        // from which on a dry run collects garbage
	outputKept     = 16 << 10        // bytes kept of what a spec, or a dry run, prints
)

// A Suite is one compiled test binary with a Ginkgo suite.
type Suite struct {
	Name   string // of the package, for people: its folder
	Dir    string // where its tests run
	Binary string // absolute

	Specs       []coordinator.Spec // after Preview
	filter      Filter
	description string
	selected    bool // Specs are fewer than the filter's
}

// A Filter says which specs are wanted.
type Filter struct {
	Seed        int64                  // seed of the order of the specs
	LabelFilter string                 // Ginkgo's filter of labels; empty: all
	Keep        func(spec string) bool // by "text on suite"; nil: all
}

// Compile compiles the package's tests into the folder tmp. The error has the lines of
// the compiler.
func (p Package) Compile(ctx context.Context, tmp string) (*Suite, error) {
	binary := filepath.Join(tmp, strings.NewReplacer("/", "_", "\\", "_", ":", "_").Replace(p.ImportPath)+".test")
	if _, err := runGo(ctx, p.Dir, "test", "-c", "-vet=off", "-o", binary, "."); err != nil {
		return nil, fmt.Errorf("%s does not compile:\n%w", p.Dir, err)
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("%s: go test -c has made no binary: the package has no tests for this system", p.Dir)
	}
	return &Suite{Name: shortName(p.Dir), Dir: p.Dir, Binary: binary}, nil
}

// shortName is the folder as seen from the current one, or its last part.
func shortName(dir string) string {
	here, err := os.Getwd()
	if err == nil {
		relative, err := filepath.Rel(here, dir)
		if err == nil && relative != "." && !strings.HasPrefix(relative, "..") {
			return filepath.ToSlash(relative)
		}
	}
	return filepath.Base(dir)
}

// OpenBinary returns the suite of a binary that was compiled before. Its tests run in
// the folder of the binary.
func OpenBinary(path string) (*Suite, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: no such file", path)
	case info.IsDir():
		return nil, fmt.Errorf("%s: a folder; want a binary of \"go test -c\"", path)
	case info.Mode()&0o111 == 0:
		return nil, fmt.Errorf("%s: not executable; want a binary of \"go test -c\"", path)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return &Suite{Name: strings.TrimSuffix(filepath.Base(path), ".test"), Dir: filepath.Dir(path), Binary: path}, nil
}

// SpecName is how a spec of the suite is called: by focus, in reports and waivers.
func (s *Suite) SpecName(text string) string { return text + " on " + s.Name }

// Preview asks the suite for its specs, and keeps those that the filter wants.
func (s *Suite) Preview(ctx context.Context, f Filter) error {
	s.filter = f
	report, err := os.CreateTemp("", "ginkgo-preview-*.json")
	if err != nil {
		return err
	}
	defer os.Remove(report.Name())
	_ = report.Close()
	ctx, cancel := context.WithTimeout(ctx, previewTimeout)
	defer cancel()
	args := append(s.args(), "--ginkgo.dry-run", "--ginkgo.json-report="+report.Name())
	output := &tail{}
	cmd := exec.CommandContext(ctx, s.Binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.Dir, output, output, waitDelay
	cmd.Env = previewEnvironment()
	runErr := cmd.Run()
	data, err := os.ReadFile(report.Name())
	if err != nil {
		return err
	}
	var reports []types.Report
	if err := json.Unmarshal(data, &reports); err != nil || len(reports) == 0 {
		return s.previewError(ctx, runErr, output.String())
	}
	s.description = reports[0].SuiteDescription
	all := coordinator.PlanSpecs(reports[0])
	if len(all) == 0 && len(reports[0].SpecReports) == 0 {
		return fmt.Errorf("the suite %s has no specs: no It runs in this package", s.Name)
	}
	if coordinator.NeedsProbe(reports[0]) {
		if err := s.probeIndexes(ctx, all); err != nil {
			return fmt.Errorf("the suite %s: %w", s.Name, err)
		}
	}
	for _, spec := range all {
		if f.Keep == nil || f.Keep(s.SpecName(spec.Name)) {
			s.Specs = append(s.Specs, spec)
		}
	}
	s.selected = len(s.Specs) < len(all)
	return nil
}

// previewEnvironment is that of a dry run, which would collect garbage for a third of its time
// though it ends when it has built the tree of specs.
func previewEnvironment() []string {
	all := os.Environ()
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		all = append(all, "GOGC=off", "GOMEMLIMIT="+previewMemory)
	}
	return all
}

// probeIndexes asks the suite which specs belong to one Ordered container.
func (s *Suite) probeIndexes(ctx context.Context, specs []coordinator.Spec) error {
	return coordinator.ProbeIndexes(ctx, specs, func(parallel types.SuiteConfig) *exec.Cmd {
		cmd := exec.CommandContext(ctx, s.Binary, append(s.workerArgs(parallel), "--ginkgo.skip=.*")...)
		cmd.Dir, cmd.WaitDelay = s.Dir, waitDelay
		return cmd
	})
}

// previewError says why a dry run has left no report.
func (s *Suite) previewError(ctx context.Context, err error, output string) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the suite %s has not listed its specs within %v\n%s", s.Name, previewTimeout, output)
	case strings.Contains(output, "flag provided but not defined"):
		return fmt.Errorf("the suite %s has no flags of Ginkgo 2.13 or later: %s", s.Name, excerpt.FirstLine(output))
	case err == nil:
		return fmt.Errorf("the suite %s has no specs: no test of it calls RunSpecs", s.Name)
	}
	return fmt.Errorf("the suite %s cannot list its specs (%w):\n%s", s.Name, err, strings.TrimSpace(output))
}

// args are the flags that a dry run and a worker share. A spec index means the same
// in both under the same seed and filters only.
func (s *Suite) args() []string {
	args := []string{"--test.timeout=0", "--ginkgo.no-color", "--ginkgo.seed=" + strconv.FormatInt(s.filter.Seed, 10)}
	if s.filter.LabelFilter != "" {
		args = append(args, "--ginkgo.label-filter="+s.filter.LabelFilter)
	}
	return args
}

// A Run says how the specs of a suite are run.
type Run struct {
	Procs       int                               // number of worker processes
	FailFast    bool                              // the first failure ends the run
	SpecTimeout time.Duration                     // time limit of one spec; 0: none
	Hard        <-chan struct{}                   // see [coordinator.Config]
	Env         []string                          // beside ours
	OnProgress  func(proc int, spec, step string) // told of specs that take long; nil: no one is
	OnReport    func(outcome.Result)              // of each spec, and of other nodes once if they fail
}

// Run runs the specs that [Suite.Preview] has kept, and returns when all are reported.
func (s *Suite) Run(ctx context.Context, r Run) (coordinator.Result, error) {
	if len(s.Specs) == 0 {
		return coordinator.Result{}, nil
	}
	failed := map[string]bool{} // nodes that are no specs fail in each worker
	return coordinator.RunSpecs(ctx, coordinator.Config{
		Command: func(int) *exec.Cmd {
			cmd := exec.Command(s.Binary)
			cmd.Dir = s.Dir
			cmd.Env = append(append(os.Environ(), r.Env...), "HARNESS_SEED="+strconv.FormatInt(s.filter.Seed, 10))
			return cmd
		},
		Foreign: func(cmd *exec.Cmd, parallel types.SuiteConfig) error {
			cmd.Args = append(cmd.Args, s.workerArgs(parallel)...)
			return nil
		},
		Procs: r.Procs, Specs: s.Specs, Seed: s.filter.Seed, FailFast: r.FailFast, SpecTimeout: r.SpecTimeout, Hard: r.Hard, KeepOutput: outputKept,
		OnProgress: func(proc int, p types.ProgressReport) {
			if r.OnProgress != nil && p.LeafNodeText != "" {
				text := strings.TrimSpace(strings.Join(append(p.ContainerHierarchyTexts, p.LeafNodeText), " "))
				r.OnProgress(proc, s.SpecName(text), p.CurrentStepText)
			}
		},
		OnReport: func(_ int, report types.SpecReport) {
			result, counts := s.specResult(report)
			if !counts || r.OnReport == nil || failed[result.Scenario] {
				return
			}
			failed[result.Scenario] = !report.LeafNodeType.Is(types.NodeTypeIt)
			r.OnReport(result)
		},
	})
}

// workerArgs are the flags of a worker. Output is not intercepted: a spec that prints
// gigabytes would hold them in memory.
func (s *Suite) workerArgs(parallel types.SuiteConfig) []string {
	args := append(s.args(), "--ginkgo.output-interceptor-mode=none", "--ginkgo.poll-progress-after=1s", "--ginkgo.poll-progress-interval=1s",
		"--ginkgo.parallel.process="+strconv.Itoa(parallel.ParallelProcess), "--ginkgo.parallel.total="+strconv.Itoa(parallel.ParallelTotal),
		"--ginkgo.parallel.host="+parallel.ParallelHost)
	if parallel.FailFast {
		args = append(args, "--ginkgo.fail-fast")
	}
	for _, skip := range parallel.SkipStrings {
		args = append(args, "--ginkgo.skip="+skip)
	}
	if s.selected {
		for _, spec := range s.Specs {
			args = append(args, `--ginkgo.focus=\A`+regexp.QuoteMeta(s.description+" "+spec.Name)+`\z`)
		}
	}
	return args
}

// KeepSpecs drops the specs that are not to be kept, by their text.
func (s *Suite) KeepSpecs(keep func(text string) bool) {
	before := len(s.Specs)
	s.Specs = slices.DeleteFunc(s.Specs, func(spec coordinator.Spec) bool { return !keep(spec.Name) })
	s.selected = s.selected || len(s.Specs) < before
}

// Trouble returns a failure of the suite as a whole, nil where it has none: a process
// that died outside of a spec, specs that never ran, or what Ginkgo holds against it.
func (s *Suite) Trouble(r coordinator.Result, err error) *outcome.Result {
	var lines []string
	if err != nil {
		lines = append(lines, err.Error())
	}
	for _, c := range r.Crashes {
		if c.Index < 0 {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("worker %d died outside of a spec: %s\n%s", c.Proc, c.Exit, lastBytes(c.Stderr))))
			break // the others die of the same
		}
	}
	if missing := len(r.Missing); missing > 0 && !r.Interrupted && !r.Aborted {
		lines = append(lines, fmt.Sprintf("%s never ran, the first is %q", plural.Count(missing, "spec"), r.Missing[0].Name))
	}
	failed := slices.ContainsFunc(r.Reports, func(report types.SpecReport) bool { return report.Failed() })
	if !failed && err == nil {
		lines = append(lines, r.Failures...)
	}
	level := outcome.Must
	if left := len(r.Left); len(lines) == 0 && left > 0 {
		level = outcome.Should
		what := plural.Count(left, "process") + " running, which were killed, the first is"
		if left == 1 {
			what = "1 process running, which was killed:"
		}
		lines = append(lines, fmt.Sprintf("the suite left %s %s; end what a spec starts with DeferCleanup", what, r.Left[0]))
	}
	if len(lines) == 0 || r.Interrupted {
		return nil
	}
	return &outcome.Result{Target: s.Name, Scenario: "[suite]", Level: level, Verdict: outcome.Fail, Message: strings.Join(lines, "\n")}
}
