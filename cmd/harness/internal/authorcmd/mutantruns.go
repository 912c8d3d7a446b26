package authorcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/mutate"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
)

var errNothingJudges = errors.New("nothing was selected: no scenario passes even when the relay changes nothing")

// maxAttributed bounds how many scenarios are played one by one to find those in which a
// lie was told that survived.
const maxAttributed = 40

// mutantRuns starts `harness run` once for each mutant, in processes of their own: a
// process declares its suite once.
type mutantRuns struct {
	flags *mutateFlags
	paths []string
	self  string
	tmp   string
	slots chan struct{}
	own   *dialogue.Framing // of the scenario files; nil: they name none
}

func newMutantRuns(f *mutateFlags, paths []string, stdin io.Reader) (*mutantRuns, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, cli.HarnessErrorf("own path: %w", err)
	}
	tmp, err := os.MkdirTemp("", "harness-mutate-")
	if err != nil {
		return nil, cli.HarnessErrorf("temporary folder: %w", err)
	}
	w := &mutantRuns{flags: f, self: self, tmp: tmp, slots: make(chan struct{}, f.jobs)}
	if err := w.keepPaths(paths, stdin); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *mutantRuns) close() { os.RemoveAll(w.tmp) }

// keepPaths puts standard input into a file, for it can be read once only, and finds the
// framing of scenario files.
func (w *mutantRuns) keepPaths(paths []string, stdin io.Reader) error {
	for _, path := range paths {
		if path == scenariofile.Stdin {
			text, err := io.ReadAll(stdin)
			if err != nil {
				return cli.HarnessErrorf("standard input: %w", err)
			}
			path = filepath.Join(w.tmp, "stdin.yaml")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				return cli.HarnessErrorf("%w", err)
			}
		}
		w.paths = append(w.paths, path)
		if _, err := os.Stat(path); err != nil {
			continue // a built-in suite, or a mistake of which the run tells
		}
		set, _ := scenariofile.FindFiles(stdin, path) // the run tells what is wrong with files
		for _, d := range set.Definitions {
			if d.Framing != nil && w.own == nil {
				w.own = &d.Framing.Framing
			}
		}
	}
	return nil
}

// A targetJudgement is what became of the lies about one program.
type targetJudgement struct {
	target         string
	role           scenario.Role
	judgements     []mutate.Judgement
	passed, others []string // scenarios behind a relay that does not lie
}

// judgeTarget plays every mutant of the target's program in the role.
func (w *mutantRuns) judgeTarget(ctx context.Context, t scenario.Target, role scenario.Role) (targetJudgement, error) {
	judged := targetJudgement{target: t.Name, role: role}
	faithful, _ := mutate.Find(role, mutate.Faithful)
	d, _, err := w.play(ctx, t, faithful, nil)
	if err != nil {
		return judged, err
	}
	judged.passed, judged.others = mutate.PassedScenarios(d)
	if len(judged.passed) == 0 {
		return judged, nil
	}
	var mutations []mutate.Mutation
	for _, m := range mutate.Mutations(role) {
		if len(w.flags.mutations) == 0 || slices.Contains(w.flags.mutations, m.Name) {
			mutations = append(mutations, m)
		}
	}
	judged.judgements = make([]mutate.Judgement, len(mutations))
	errs := make([]error, len(mutations))
	var tasks sync.WaitGroup
	for i, m := range mutations {
		tasks.Go(func() { judged.judgements[i], errs[i] = w.judgeMutant(ctx, t, m, judged) })
	}
	tasks.Wait()
	for _, err := range errs {
		if err != nil {
			return judged, err // one is enough: they are much alike
		}
	}
	return judged, nil
}

func (w *mutantRuns) judgeMutant(ctx context.Context, t scenario.Target, m mutate.Mutation, judged targetJudgement) (mutate.Judgement, error) {
	d, told, err := w.play(ctx, t, m, []string{"--fail-fast"}, judged.others...)
	if err != nil {
		return mutate.Judgement{}, err
	}
	j := mutate.Judge(t.Name, m, d, told > 0)
	if j.Status == mutate.Survived && len(judged.passed) <= maxAttributed {
		if j.Passed, err = w.findTold(ctx, t, m, judged.passed); len(j.Passed) == 0 && m.IsToldAtStop() {
			j.Status = mutate.NotTold
		}
	}
	return j, err
}

// findTold returns the scenarios in which the lie is told.
func (w *mutantRuns) findTold(ctx context.Context, t scenario.Target, m mutate.Mutation, ids []string) ([]string, error) {
	counts := make([]int, len(ids))
	errs := make([]error, len(ids))
	var tasks sync.WaitGroup
	for i, id := range ids {
		tasks.Go(func() {
			_, counts[i], errs[i] = w.play(ctx, t, m, []string{"--focus", "^" + regexp.QuoteMeta(id) + " on "})
		})
	}
	tasks.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	least := counts[0] // that of the control, where there is one
	for _, n := range counts {
		least = min(least, n)
	}
	var told []string
	for i, id := range ids {
		if counts[i] > least || least > 0 && len(ids) == 1 && !m.IsToldAtStop() {
			told = append(told, id)
		}
	}
	return told, nil
}

// play runs the scenarios on the target with its program replaced, and returns how often
// the lie was told.
func (w *mutantRuns) play(ctx context.Context, t scenario.Target, m mutate.Mutation, args []string, skip ...string) (outcome.Run, int, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return outcome.Run{}, 0, cli.ExitError{Code: outcome.ExitInterrupted}
	}
	folder, err := os.MkdirTemp(w.tmp, m.Name+"-")
	if err != nil {
		return outcome.Run{}, 0, cli.HarnessErrorf("temporary folder: %w", err)
	}
	log := filepath.Join(folder, "acts")
	targets, err := w.writeTarget(folder, log, t, m)
	if err != nil {
		return outcome.Run{}, 0, cli.HarnessErrorf("%w", err)
	}
	result := filepath.Join(folder, "result.json")
	line := append([]string{"run", "--targets-from", targets, "--json", result, "--quiet", "--no-color",
		"--sweep", strconv.Itoa(w.flags.sweep), "--seed", strconv.FormatInt(w.flags.seed, 10)}, args...)
	for _, id := range skip {
		line = append(line, "--skip", "^"+regexp.QuoteMeta(id)+" on ")
	}
	cmd := exec.CommandContext(ctx, w.self, append(line, w.paths...)...)
	cmd.Args[0] = os.Args[0]
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	runErr := cmd.Run()
	if ctx.Err() != nil {
		return outcome.Run{}, 0, cli.ExitError{Code: outcome.ExitInterrupted}
	}
	d, err := report.ReadFile(result)
	if err != nil {
		return d, 0, refusedRun(cmd, runErr, stderr.String())
	}
	acts, _ := os.ReadFile(log) // not there: it was never told
	return d, bytes.Count(acts, []byte("\n")), nil
}

// refusedRun is the error of a run that left no result.
func refusedRun(cmd *exec.Cmd, err error, stderr string) error {
	text := strings.TrimPrefix(strings.TrimSpace(stderr), "harness: ")
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == outcome.ExitUsage || exit.ExitCode() == outcome.ExitNothing) {
		return cli.ExitError{Code: exit.ExitCode(), Err: errors.New(text)}
	}
	return cli.HarnessErrorf("%s: %v %s", cmd, err, text)
}

// writeTarget writes the target with its program replaced by a mutant, and returns the
// file.
func (w *mutantRuns) writeTarget(folder, log string, t scenario.Target, m mutate.Mutation) (string, error) {
	program := t.Server
	if m.Role == scenario.Client {
		program = t.Client
	}
	command := peer.Command{Args: peer.ReplaceWords(program.Command, "{self}", w.self), Dir: t.Dir, Env: program.Env, Ready: program.Ready}
	spec := mutate.Spec{Mutation: m.Name, Role: m.Role, Address: program.Address, Framing: w.framingOf(t), Log: log, Command: command, Words: mutate.WordsOf(command)}
	path := filepath.Join(folder, "mutant.json")
	if err := spec.WriteFile(path); err != nil {
		return "", err
	}
	mutant := scenario.Peer{Command: slices.Concat([]string{"{self}", "mutant", path, "{host}", "{port}"}, spec.Words), Scope: program.Scope}
	if m.Role == scenario.Client {
		t.Client = mutant
	} else {
		mutant.Command[3] = "127.0.0.1"
		t.Server = mutant
	}
	t.Test = m.Role
	text, err := json.Marshal([]scenario.Target{t})
	if err != nil {
		return "", fmt.Errorf("target encode: %w", err)
	}
	file := filepath.Join(folder, "targets.json")
	return file, os.WriteFile(file, text, 0o600)
}

// framingOf is that of the dialogue, else of the scenario files, else lines.
func (w *mutantRuns) framingOf(t scenario.Target) dialogue.Framing {
	if d, err := t.ParseDialogue(); err == nil && d != nil {
		return d.Framing
	}
	if w.own != nil {
		return *w.own
	}
	return dialogue.Framing{Kind: dialogue.Line}
}
