package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// configName is what is looked for from the working directory upward.
const configName = "harness.yaml"

// targetFlags say what is to be tested.
type targetFlags struct {
	config       string
	names        []string
	server       string
	client       string
	dialogue     string
	send, expect []string
	test         string
}

func (f *targetFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.config, "config", "", "configuration `FILE` with targets (default: the nearest harness.yaml upward)")
	flags.StringSliceVar(&f.names, "target", nil, "only targets of this `NAME`; * and ? match (may be repeated)")
	flags.StringVar(&f.server, "server", "", "server: a `COMMAND`, or HOST:PORT where it listens already")
	flags.StringVar(&f.client, "client", "", "client: a `COMMAND`")
	flags.StringVar(&f.dialogue, "dialogue", "", "dialogue `FILE` that the other side speaks")
	flags.StringArrayVar(&f.send, "send", nil, "`BYTES` that a client sends, such as 'hello\\n' (may be repeated, in turn with --expect; without, one line is awaited)")
	flags.StringArrayVar(&f.expect, "expect", nil, "`BYTES` that the server answers, such as 'HELLO\\n'")
	flags.StringVar(&f.test, "test", "", "`ROLE` under test: server, client or both (default: whatever is a program or an address)")
}

// fromFlags reports whether the target is described by flags alone.
func (f *targetFlags) fromFlags() bool {
	return f.server != "" || f.client != "" || f.dialogue != "" || len(f.send)+len(f.expect) > 0 || f.test != ""
}

// selected returns those of all targets that --target names, checked as far as
// that is possible without starting anything.
func (f *targetFlags) selected(all []scenario.Target) ([]scenario.Target, error) {
	targets, err := f.narrow(all)
	if err != nil {
		return nil, err
	}
	return targets, preflight(targets)
}

func (f *targetFlags) all() ([]scenario.Target, error) {
	switch {
	case f.config != "" && f.fromFlags():
		return nil, usage("--config and --server, --client, --dialogue, --send, --expect, --test exclude each other: put the target into %s", f.config)
	case f.fromFlags():
		t, err := f.target()
		return []scenario.Target{t}, err
	case f.config != "":
		return load(f.config)
	}
	if file := nearest(); file != "" {
		return load(file)
	}
	return suite.ReferenceTargets()
}

func load(file string) ([]scenario.Target, error) {
	config, err := scenario.LoadConfig(file)
	if err != nil {
		return nil, usage("%s", configMessage(file, err))
	}
	return config.Targets, nil
}

// configMessage puts all errors below one line that names the file.
func configMessage(file string, err error) string {
	text := strings.TrimSpace(err.Error())
	if !strings.Contains(text, "\n") {
		return text
	}
	return fmt.Sprintf("%s cannot be used:\n%s", file, text)
}

// nearest returns the path of the nearest configuration upward, or "".
func nearest() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		file := filepath.Join(dir, configName)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// narrow keeps the targets that --target names.
func (f *targetFlags) narrow(targets []scenario.Target) ([]scenario.Target, error) {
	if len(f.names) == 0 {
		return targets, nil
	}
	var kept []scenario.Target
	found := map[string]bool{}
	for _, t := range targets {
		for _, pattern := range f.names {
			match, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(t.Name, "/", "\x00"))
			if err != nil {
				return nil, usage("--target %q: %v", pattern, err)
			}
			if match {
				found[pattern] = true
				kept = append(kept, t)
				break
			}
		}
	}
	for _, pattern := range f.names {
		if !found[pattern] {
			return nil, usage("--target %q: no such target; there are: %s", pattern, names(targets))
		}
	}
	return kept, nil
}

func names(targets []scenario.Target) string {
	all := make([]string, len(targets))
	for i, t := range targets {
		all[i] = t.Name
	}
	return strings.Join(all, ", ")
}

// preflight finds commands that do not exist before anything starts.
func preflight(targets []scenario.Target) error {
	var problems []string
	for _, t := range targets {
		for _, p := range []scenario.Peer{t.Server, t.Client} {
			if err := runnable(t, p); err != nil {
				problems = append(problems, fmt.Sprintf("target %s: %v", t.Name, err))
			}
		}
	}
	if len(problems) > 0 {
		return usage("%s", strings.Join(problems, "\n"))
	}
	return nil
}

func runnable(t scenario.Target, p scenario.Peer) error {
	if p.Address != "" {
		if _, _, err := net.SplitHostPort(p.Address); err != nil {
			return fmt.Errorf("address %q: %v; want HOST:PORT", p.Address, err)
		}
		return nil
	}
	if len(p.Command) == 0 || p.Command[0] == "{self}" {
		return nil
	}
	program := p.Command[0]
	if strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		// Absolute, as Join makes ./server a bare name, which is looked up in PATH.
		path, err := filepath.Abs(filepath.Join(t.Dir, program))
		if err != nil {
			return err
		}
		program = path
	}
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("command %s: %w", peer.FormatCommand(p.Command), bare(err))
	}
	return nil
}
