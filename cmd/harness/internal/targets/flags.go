// Package targets is what is under test: the flags that say it (--server,
// --client, --dialogue, --config, --target), the configuration file that is found
// upward, and the check that its programs exist.
//
//	var f targets.Flags
//	f.Register(cmd.Flags())
//	all, err := f.All()            // in RunE
//	targets, err := f.Select(all)
package targets

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suggest"
	"github.com/sockharness/harness/harness/suite"
)

// Flags say what is to be tested.
type Flags struct {
	config       string
	names        []string
	set          *pflag.FlagSet // the flags themselves; nil: none were registered
	server       string
	client       string
	dialogue     string
	send, expect []string
	framing      string
	policies     []string
	connectsTo   []string
	test         string
	transport    string
}

// RegisterFlags adds the flags to a command's.
func (f *Flags) RegisterFlags(flags *pflag.FlagSet) {
	f.set = flags
	flags.StringVar(&f.config, "config", "", "configuration `FILE` with targets (default: the nearest harness.yaml upward)")
	flags.StringSliceVar(&f.names, "target", nil, "test only target `NAME`; * and ? are wildcards (repeatable)")
	flags.StringVar(&f.server, "server", "", "`COMMAND` that starts the server, or HOST:PORT or unix:PATH of a running one")
	flags.StringVar(&f.client, "client", "", "`COMMAND` that starts the client")
	flags.StringArrayVar(&f.connectsTo, "connects-to", nil, "`HOST:PORT` that the client has built in; its connects there are redirected to harness (repeatable)")
	flags.StringVar(&f.dialogue, "dialogue", "", "dialogue `FILE`; harness is the other side")
	flags.StringArrayVar(&f.send, "send", nil, "`BYTES` that the client sends, such as 'hello\\n' (repeatable; pairs with --expect in order; without --expect, waits for one line)")
	flags.StringArrayVar(&f.expect, "expect", nil, "`BYTES` that the server must answer, such as 'HELLO\\n' (repeatable)")
	flags.StringVar(&f.framing, "framing", "", "`FRAMING` of --send and --expect: line, line=crlf, length-prefix=4, fixed=64, http, resp, netstring, mqtt, none and others (default: line if everything ends in \\n, else none)")
	flags.StringArrayVar(&f.policies, "policy", nil, "declare a `POLICY` of every target, such as half_close=answer (repeatable; see harness/scenario/POLICIES.md)")
	flags.StringVar(&f.transport, "transport", "", "`TRANSPORT` of the conversation: "+strings.Join(transportNames(), ", ")+" (default: unix if a command contains {path}, tls if it contains {ca}, {cert} or {key}, else tcp)")
	flags.StringVar(&f.test, "test", "", "`ROLE` under test: server, client or both (default: every side given as a command or address)")
}

// CheckPeers returns an error for targets of flags that have nobody to talk to,
// which only scenario files do without.
func (f *Flags) CheckPeers(all []scenario.Target) error {
	if f.fromFlags() && len(all) == 1 && all[0].Lone() {
		side, flag := "client", "--client COMMAND"
		if f.server == "" && f.client != "" {
			side, flag = "server", "--server COMMAND"
		}
		return cli.UsageErrorf("the %s is missing: add --send and --expect, --dialogue FILE, %s, or a scenario file", side, flag)
	}
	return nil
}

// fromFlags reports whether the target is described by flags alone.
func (f *Flags) fromFlags() bool {
	return f.server != "" || f.client != "" || f.dialogue != "" || len(f.send)+len(f.expect) > 0 || f.test != "" || f.transport != ""
}

// configName is what is looked for from the working directory upward.
const configName = "harness.yaml"

// AllTargets returns every target that the flags, or the configuration that they name,
// describe, with the policies of --policy.
func (f *Flags) AllTargets() ([]scenario.Target, error) {
	all, err := f.described()
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Policies, err = all[i].Policies.With(f.policies...); err != nil {
			return nil, cli.UsageErrorf("--policy %v", err)
		}
		if err := all[i].CheckConsistency(); err != nil && f.fromFlags() {
			return nil, cli.UsageErrorf("--policy: %v", err)
		}
	}
	return all, nil
}

// checkGiven returns an error for a flag that was given an empty value, as by a variable
// of a shell that is not set: without it other programs than those meant would be tested.
func (f *Flags) checkGiven() error {
	if f.set == nil {
		return nil
	}
	for _, name := range []string{"config", "server", "client", "dialogue", "test", "transport"} {
		if given := f.set.Lookup(name); given.Changed && strings.TrimSpace(given.Value.String()) == "" {
			return cli.UsageErrorf("--%s is empty; give it a value, or leave it out", name)
		}
	}
	if f.set.Changed("target") && strings.Join(f.names, "") == "" {
		return cli.UsageErrorf("--target is empty; give it a value, or leave it out")
	}
	return nil
}

func (f *Flags) described() ([]scenario.Target, error) {
	if err := f.checkGiven(); err != nil {
		return nil, err
	}
	if f.framing != "" && len(f.send)+len(f.expect) == 0 {
		return nil, cli.UsageErrorf("--framing applies to --send and --expect only; write framing: in the dialogue file")
	}
	switch {
	case f.config != "" && f.fromFlags():
		return nil, cli.UsageErrorf("--config and --server, --client, --dialogue, --send, --expect, --test, --transport cannot be combined; write the target into %s", f.config)
	case f.fromFlags():
		t, err := f.flagTarget()
		return []scenario.Target{t}, err
	case f.config != "":
		return loadConfig(f.config)
	}
	if file := nearestConfig(); file != "" {
		return loadConfig(file)
	}
	return suite.ReferenceTargets()
}

func loadConfig(file string) ([]scenario.Target, error) {
	config, err := scenario.LoadConfig(file)
	if err != nil {
		return nil, cli.UsageErrorf("%s", ConfigMessage(file, err))
	}
	for _, hint := range config.Hints {
		fmt.Fprintln(os.Stderr, hint)
	}
	return config.Targets, nil
}

// ConfigMessage puts all errors below one line that names the file.
func ConfigMessage(file string, err error) string {
	text := strings.TrimSpace(err.Error())
	if !strings.Contains(text, "\n") {
		return text
	}
	return fmt.Sprintf("%s cannot be used:\n%s", file, text)
}

// nearestConfig returns the path of the nearest configuration upward, or "".
func nearestConfig() string {
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

// NarrowTargets keeps the targets that --target names.
func (f *Flags) NarrowTargets(targets []scenario.Target) ([]scenario.Target, error) {
	if len(f.names) == 0 {
		return targets, nil
	}
	var kept []scenario.Target
	found := map[string]bool{}
	for _, t := range targets {
		for _, pattern := range f.names {
			match, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(t.Name, "/", "\x00"))
			if err != nil {
				return nil, cli.UsageErrorf("--target %q: %v", pattern, err)
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
			return nil, cli.UsageErrorf("--target %q: no such target; %s", pattern, describeChoice(pattern, targets))
		}
	}
	return kept, nil
}

// maxNames is how many targets a message lists: more than that nobody reads.
const maxNames = 12

// describeChoice says what was meant by the name of a target, else which there are.
func describeChoice(name string, targets []scenario.Target) string {
	all := make([]string, len(targets))
	for i, t := range targets {
		all[i] = t.Name
	}
	if hint := suggest.Hint(name, all); hint != "" {
		return hint
	}
	more := ""
	if n := len(all) - maxNames; n > 0 {
		all, more = all[:maxNames], fmt.Sprintf(" and %d more (* and ? are wildcards)", n)
	}
	return "there are: " + strings.Join(all, ", ") + more
}

// SelectTargets returns those of all targets that --target names, checked as far as
// that is possible without starting anything.
func (f *Flags) SelectTargets(all []scenario.Target) ([]scenario.Target, error) {
	targets, err := f.NarrowTargets(all)
	if err != nil {
		return nil, err
	}
	return targets, checkPrograms(targets)
}
