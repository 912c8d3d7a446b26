package runcmd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/gosuite"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/suggest"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios"
)

const modulePath = "github.com/sockharness/harness"

// A selection is what the PATHs name.
type selection struct {
	topics []suite.Topic // in the order of reports
	files  scenariofile.Set
	paths  []string // of scenario files and of folders with them

	goFolders []string // with Go Ginkgo suites
}

// selectSuites returns what the PATHs name: built-in suites, scenario files and Go
// suites. Without a PATH these are the built-in suites, unless there are binaries.
func selectSuites(stdin io.Reader, paths []string, binaries bool) (selection, error) {
	all := scenarios.Topics()
	if len(paths) == 0 && !binaries {
		return selection{topics: all}, nil
	}
	var s selection
	wanted := map[string]bool{}
	for _, p := range paths {
		names, err := topicsOf(p, all)
		if err != nil {
			return s, err
		}
		if len(names) == 0 && s.addGoFolder(p) {
			continue
		}
		for _, name := range names {
			wanted[name] = true
		}
		if len(names) == 0 {
			s.paths = append(s.paths, p)
		}
	}
	for _, t := range all {
		if wanted[t.Name] {
			s.topics = append(s.topics, t)
		}
	}
	return s, s.readFiles(stdin)
}

// readFiles reads the scenario files.
func (s *selection) readFiles(stdin io.Reader) error {
	if len(s.paths) == 0 {
		return nil
	}
	set, err := scenariofile.FindFiles(stdin, s.paths...)
	switch {
	case errors.Is(err, scenariofile.ErrNone):
		return cli.ExitError{Code: outcome.ExitNothing, Err: err}
	case err != nil:
		return cli.UsageErrorf("scenario files cannot be used:\n%s", scenariofile.ExplainErrors(err, set.Sources))
	}
	builtin := map[string]bool{}
	for _, t := range scenarios.Topics() {
		for _, one := range t.List() {
			builtin[one.ID] = true
		}
	}
	for _, one := range set.Summaries {
		if builtin[one.ID] {
			return cli.UsageErrorf("%s:%d: a built-in scenario is called %s; give it another name", one.File, one.Line, one.ID)
		}
	}
	set.Pack() // workers read them again, those that they run
	s.files = set
	s.topics = append(s.topics, suite.Files(set.Summaries, set.Sources))
	return nil
}

// topicsOf returns the built-in topics that a PATH names; none for scenario files.
func topicsOf(p string, all []suite.Topic) ([]string, error) {
	if name, ok := strings.CutPrefix(p, "builtin:"); ok {
		if err := oneScenario(p, name, all); err != nil {
			return nil, err
		}
		return namedTopics(p, name, all)
	}
	if p == scenariofile.Stdin {
		return nil, nil
	}
	info, err := os.Stat(p)
	if err != nil {
		if err := oneScenario(p, p, all); err != nil {
			return nil, err
		}
		return nil, cli.UsageErrorf("%s: no such file or directory; built-in suites are builtin: or builtin:TOPIC (%s)", p, topicNames(all))
	}
	if name, ok := ownSuites(p); ok && info.IsDir() {
		return namedTopics(p, name, all)
	}
	ext := filepath.Ext(p)
	switch {
	case ext == ".go":
		return nil, cli.UsageErrorf("%s: name the folder of the Go suite, and choose specs with --focus", p)
	case info.IsDir() && holdsPlainTestsOnly(p):
		return nil, cli.UsageErrorf("%s: its Go tests import no Ginkgo (github.com/onsi/ginkgo/v2); run them with go test", p)
	case !info.IsDir() && strings.HasSuffix(p, ".test"):
		return nil, cli.UsageErrorf("%s: a compiled suite is given with --suite-binary %s", p, p)
	case !info.IsDir() && ext != ".yaml" && ext != ".yml":
		return nil, cli.UsageErrorf("%s: not a scenario file: its name does not end in .yaml; built-in suites are builtin: or builtin:TOPIC (%s)", p, topicNames(all))
	}
	return nil, nil
}

// oneScenario returns an error where a PATH names a built-in scenario, or nearly does: one
// alone is chosen with --focus.
func oneScenario(p, name string, all []suite.Topic) error {
	var known []string
	for _, t := range all {
		for _, s := range t.List() {
			known = append(known, s.ID)
		}
	}
	switch {
	case slices.Contains(known, name):
		return cli.UsageErrorf("%s: a built-in scenario, not a path; choose it with --focus '^%s on'", p, name)
	case strings.Contains(name, "/") && filepath.Ext(name) == "" && suggest.Closest(name, known) != "":
		return cli.UsageErrorf("%s: no such file or directory; for the built-in scenario %s give --focus '^%[2]s on'", p, suggest.Closest(name, known))
	}
	return nil
}

// addGoFolder keeps a folder that holds Go Ginkgo suites, and reports whether it holds
// nothing else.
func (s *selection) addGoFolder(p string) (only bool) {
	info, err := os.Stat(p)
	if err != nil || !info.IsDir() {
		return false
	}
	if ginkgo, _ := gosuite.HoldsSuites(p); !ginkgo {
		return false
	}
	s.goFolders = append(s.goFolders, p)
	_, err = scenariofile.FindFiles(nil, p)
	return errors.Is(err, scenariofile.ErrNone)
}

// namedTopics returns the topic of the given name, all for "".
func namedTopics(p, name string, all []suite.Topic) ([]string, error) {
	var names []string
	for _, t := range all {
		if name == "" || name == t.Name {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return nil, cli.UsageErrorf("%s: no built-in suite %q; there are: %s", p, name, topicNames(all))
	}
	return names, nil
}

func topicNames(all []suite.Topic) string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}

// ownSuites tells whether p is the scenarios folder of a checkout of harness,
// or a topic in it: those suites are compiled in.
func ownSuites(p string) (topic string, ok bool) {
	dir, err := filepath.Abs(p)
	if err != nil {
		return "", false
	}
	if filepath.Base(dir) != "scenarios" {
		dir, topic = filepath.Split(dir)
		dir = filepath.Clean(dir)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "go.mod"))
	return topic, err == nil && filepath.Base(dir) == "scenarios" && strings.HasPrefix(string(text), "module "+modulePath+"\n")
}

// holdsPlainTestsOnly reports whether a folder has Go tests, but neither Ginkgo suites
// nor YAML files.
func holdsPlainTestsOnly(dir string) bool {
	ginkgo, tests := gosuite.HoldsSuites(dir)
	return tests && !ginkgo && !holdsFile(dir, "*.yaml") && !holdsFile(dir, "*.yml")
}

// holdsFile reports whether there is a file of the pattern in dir or one below it.
func holdsFile(dir, pattern string) bool {
	for _, p := range []string{pattern, filepath.Join("*", pattern)} {
		if found, err := filepath.Glob(filepath.Join(dir, p)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

func levelNames(*cobra.Command) []string {
	var names []string
	for _, l := range outcome.AllLevels() {
		names = append(names, string(l))
	}
	return names
}

// completeSuites offers the built-in suites besides files: those with a colon are for
// shells that do not break words there.
func completeSuites(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	words := []string{"builtin:\tall built-in suites"}
	for _, t := range scenarios.Topics() {
		words = append(words, "builtin:"+t.Name+"\t"+t.Summary)
	}
	return words, cobra.ShellCompDirectiveDefault
}

func parseLevels(names []string) ([]outcome.Level, error) {
	var levels []outcome.Level
	for _, name := range names {
		level := outcome.Level(name)
		if !slices.Contains(outcome.AllLevels(), level) {
			return nil, cli.UsageErrorf("--level %q: want must, should, may or info", name)
		}
		levels = append(levels, level)
	}
	return levels, nil
}
