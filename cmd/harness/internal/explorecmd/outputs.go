package explorecmd

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/outputs"
)

// checkOutputs finds files that cannot be written, and two outputs for one standard output.
func (f *exploreFlags) checkOutputs() error {
	switch {
	case !slices.Contains([]string{"auto", "text", "ndjson"}, f.format):
		return cli.UsageErrorf("--format %q: want text, ndjson or auto", f.format)
	case f.format == "text" && f.text == "":
		f.text = "-"
	case f.format == "ndjson" && f.ndjson == "":
		f.ndjson = "-"
	}
	if err := outputs.CheckStdout(f.stdoutFlags()); err != nil {
		return err
	}
	return errors.Join(f.outputs.CheckPaths(), cli.CheckWritable("text", f.text), cli.CheckWritable("ndjson", f.ndjson))
}

// stdoutFlags returns the outputs that go to standard output.
func (f *exploreFlags) stdoutFlags() []string {
	all := f.outputs.StdoutFlags()
	if f.text == "-" {
		all = append(all, "--text -")
	}
	if f.ndjson == "-" {
		all = append(all, "--ndjson -")
	}
	return all
}

// openOutputs opens where text and events go. Without a flag a screen gets the text, and
// anything else the events. The caller calls the function that it returns.
func (x *exploration) openOutputs(cmd *cobra.Command) (closeAll func(), err error) {
	f, terminal := x.flags, cli.NewTerminal(cmd, x.flags.noColor)
	if len(f.stdoutFlags()) == 0 {
		switch {
		case f.text == "" && (terminal.TTY || f.ndjson != ""):
			f.text = "-"
		case f.ndjson == "" && !terminal.TTY:
			f.ndjson = "-"
		}
	}
	x.stdout, x.textShown = terminal.Out, f.text == "-"
	if f.ndjson == "-" {
		x.stdout = x.stderr // annotations are not events
	}
	text, closeText, err := openTerminal(f.text, terminal)
	if err != nil {
		return nil, err
	}
	events, closeEvents, err := openTerminal(f.ndjson, terminal)
	if err != nil {
		closeText()
		return nil, err
	}
	x.terminal, x.events = text, events
	return func() { closeText(); closeEvents() }, nil
}

// watchReader returns a context that ends when nobody reads standard output any more, if
// anything goes there. The caller must release.
func (x *exploration) watchReader(parent context.Context, cmd *cobra.Command) (ctx context.Context, release func()) {
	if len(x.flags.stdoutFlags()) == 0 {
		return parent, func() {}
	}
	stdout := cli.NewTerminal(cmd, true)
	return stdout.WatchReader(parent)
}

// discardStdout writes nothing more to standard output, for the given reason.
func (x *exploration) discardStdout(why error) {
	if x.stdout != x.stderr {
		x.stdout = io.Discard
	}
	for path, t := range map[string]*cli.Terminal{x.flags.text: &x.terminal, x.flags.ndjson: &x.events} {
		if path == "-" {
			t.Out = io.Discard
		}
	}
	x.terminal.Failed, x.events.Failed = why, nil
}

// openTerminal returns a terminal that writes to a file: stdout for "-", nothing for "".
func openTerminal(path string, stdout cli.Terminal) (t cli.Terminal, closeFile func(), err error) {
	switch path {
	case "":
		return cli.Terminal{Out: io.Discard}, func() {}, nil
	case "-":
		return stdout, func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return t, nil, cli.HarnessErrorf("output create: %w", err)
	}
	return cli.Terminal{Out: file}, func() { file.Close() }, nil
}
