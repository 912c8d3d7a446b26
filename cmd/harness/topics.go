package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios"
)

const modulePath = "github.com/sockharness/harness"

// selectTopics returns the suites that the PATHs name, in the order of reports.
func selectTopics(paths []string) ([]suite.Topic, error) {
	all := scenarios.Topics()
	if len(paths) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, p := range paths {
		names, err := topicsOf(p, all)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			wanted[name] = true
		}
	}
	var topics []suite.Topic
	for _, t := range all {
		if wanted[t.Name] {
			topics = append(topics, t)
		}
	}
	return topics, nil
}

func topicsOf(p string, all []suite.Topic) ([]string, error) {
	if name, ok := strings.CutPrefix(p, "builtin:"); ok {
		return named(p, name, all)
	}
	info, err := os.Stat(p)
	if err != nil {
		return nil, usage("%s: no such file or directory; built-in suites are builtin: or builtin:TOPIC (%s)", p, topicNames(all))
	}
	if name, ok := ownSuites(p); ok && info.IsDir() {
		return named(p, name, all)
	}
	switch ext := filepath.Ext(p); {
	case ext == ".yaml" || ext == ".yml" || info.IsDir() && holds(p, "*.yaml"):
		return nil, usage("%s: scenario files are not supported yet; built-in suites are builtin: or builtin:TOPIC (%s)", p, topicNames(all))
	case info.IsDir() && holds(p, "*_test.go"), ext == ".go":
		return nil, usage("%s: Go Ginkgo suites are not supported yet; run them with go test", p)
	}
	return nil, usage("%s: neither scenario files nor Go suites there; built-in suites are builtin: or builtin:TOPIC (%s)", p, topicNames(all))
}

// named returns the topic of the given name, all for "".
func named(p, name string, all []suite.Topic) ([]string, error) {
	var names []string
	for _, t := range all {
		if name == "" || name == t.Name {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		return nil, usage("%s: no built-in suite %q; there are: %s", p, name, topicNames(all))
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

// holds reports whether there is a file of the pattern in dir or one below it.
func holds(dir, pattern string) bool {
	for _, p := range []string{pattern, filepath.Join("*", pattern)} {
		if found, err := filepath.Glob(filepath.Join(dir, p)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
