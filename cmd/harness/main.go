// Command harness puts a proxy between any socket client and server, injects
// faults, and says how the two behave when the stream between them misbehaves.
//
// A verb is in internal/<group>cmd, in a file of its name; what verbs share is in
// internal/cli, what is under test in internal/targets, how a proxy reaches its
// peers in internal/transport.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/authorcmd"
	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/daemoncmd"
	"github.com/sockharness/harness/cmd/harness/internal/doctorcmd"
	"github.com/sockharness/harness/cmd/harness/internal/explorecmd"
	"github.com/sockharness/harness/cmd/harness/internal/listcmd"
	"github.com/sockharness/harness/cmd/harness/internal/mancmd"
	"github.com/sockharness/harness/cmd/harness/internal/proxycmd"
	"github.com/sockharness/harness/cmd/harness/internal/reportcmd"
	"github.com/sockharness/harness/cmd/harness/internal/runcmd"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
)

func main() { os.Exit(runCommand()) }

// runCommand is main with an exit status: 0 all well, 1 verdicts, 2 usage or
// configuration, 3 the harness failed or a result is invalid, 4 nothing was
// selected, 130 interrupted.
func runCommand() int {
	if peer.GuardianMain() {
		return outcome.ExitOK
	}
	// A reader that went away (| head) is an error of the write, not a signal. To
	// ignore the signal would be inherited by the programs under test.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// Toxiproxy's bandwidth toxic logs JSON to stderr whenever it is interrupted.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	root := newRoot()
	root.SetArgs(cli.NormalizeToxiproxyArgs(os.Args[1:]))
	command, err := root.ExecuteContextC(context.Background())
	var exit cli.ExitError
	switch {
	case err == nil:
		return outcome.ExitOK
	case errors.As(err, &exit):
		if exit.Err != nil {
			fmt.Fprintln(root.ErrOrStderr(), "harness:", exit.Err)
		}
		return exit.Code
	}
	fmt.Fprintf(root.ErrOrStderr(), "harness: %v\n%s\n", cli.ExplainArgs(err), usageHint(command))
	return outcome.ExitUsage
}

// usageHint says how the command that was typed is used, and where that is explained.
func usageHint(command *cobra.Command) string {
	if !command.HasParent() {
		return "Run 'harness --help' or 'harness COMMAND --help' for usage."
	}
	return fmt.Sprintf("Usage: %s\nRun '%s --help' for more.", command.UseLine(), command.CommandPath())
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "harness",
		Short: "Test clients and servers on a misbehaving network",
		Long: `harness starts a socket server or client, or connects to a running server, puts a
proxy in front of it, and injects the faults that other tests leave out: partial
sends, half-closes, resets, refusals. It proves that each fault struck and says
what broke.

  harness run --server 'python3 server.py {port}' --send 'hello\n' --expect 'HELLO\n'
  harness run --config harness.yaml
  harness run                        # the peers compiled in, for a first look`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(cli.SuggestFlag)
	root.SetHelpCommand(cli.NewHelp())
	root.Version = cli.Version()
	root.SetVersionTemplate("harness {{.Version}}\n")
	for _, g := range groups() {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.title
		}
		root.AddCommand(g.commands...)
	}
	refuseOtherShells(root)
	return root
}

// A group is what `harness --help` lists under one title.
type group struct {
	title    string
	commands []*cobra.Command
}

// groups is the list of all verbs, in the order of `harness --help`.
func groups() []group {
	return []group{
		{"Test a program:", slices.Concat(runcmd.Commands(), explorecmd.Commands(), reportcmd.Commands())},
		{"Write tests and look things up:", slices.Concat(authorcmd.Commands(), listcmd.Commands(), doctorcmd.Commands(), mancmd.Commands())},
		{"Run proxies by hand (proxy: one; serve: a daemon, which the others control):", slices.Concat(proxycmd.Commands(), daemoncmd.Commands())},
	}
}

// refuseOtherShells has `harness completion` refuse a shell that it does not know: cobra's own
// prints its help, with status 0, into what would be the script.
func refuseOtherShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	completion.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return cli.UsageErrorf("completion %s: want bash, fish, powershell or zsh", args[0])
	}
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}
