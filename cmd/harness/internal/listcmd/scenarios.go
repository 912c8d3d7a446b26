// Package listcmd is the verbs that show what there is: scenarios, oracles,
// toxics, targets and the version.
//
//	root.AddCommand(listcmd.Commands()...)
package listcmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/suggest"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios"
)

// Commands returns the verbs that list something and run nothing.
func Commands() []*cobra.Command {
	return []*cobra.Command{newScenarios(), newOracles(), newToxics(), newTargets(), newVersion()}
}

func newScenarios() *cobra.Command {
	return &cobra.Command{
		Use:   "scenarios [ID|PATH]",
		Short: "List scenarios, or show one with its reasons",
		Long: `List the built-in scenarios, or those of a scenario file or folder. With an ID, show
one scenario: a built-in one, or one from a file below the working directory.`,
		Args: cobra.MaximumNArgs(1),

		ValidArgsFunction: cli.FirstArgOnly(cli.SuggestWords(scenarioIDs)),
		RunE: func(cmd *cobra.Command, args []string) error {
			all := builtins()
			if len(args) == 1 {
				if _, err := os.Stat(args[0]); err != nil {
					return showScenario(cmd.OutOrStdout(), args[0], all)
				}
				own, err := ownScenarios(args[0])
				if err != nil {
					return err
				}
				all = own
			}
			return cli.WriteTable(cmd.OutOrStdout(), func(w io.Writer) error {
				for _, s := range all {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.Level, roleNames(s.Roles), s.Title)
				}
				return nil
			})
		},
	}
}

func builtins() []scenario.Scenario {
	var all []scenario.Scenario
	for _, t := range scenarios.Topics() {
		all = append(all, t.List()...)
	}
	return all
}

// ownScenarios returns those of a file or folder.
func ownScenarios(path string) ([]scenario.Scenario, error) {
	set, err := scenariofile.FindFiles(strings.NewReader(""), path)
	if err != nil && !errors.Is(err, scenariofile.ErrNone) {
		return nil, cli.UsageErrorf("scenario files cannot be used:\n%s", scenariofile.ExplainErrors(err, set.Sources))
	}
	return suite.Files(set.Summaries, set.Sources).List(), nil
}

// showScenario writes the page of one scenario.
func showScenario(out io.Writer, id string, all []scenario.Scenario) error {
	named := func(s scenario.Scenario) bool { return s.ID == id }
	at := slices.IndexFunc(all, named)
	if at < 0 {
		// Files with mistakes are for lint: the scenario may be in another one.
		set, _ := scenariofile.FindFiles(strings.NewReader(""), ".")
		all = append(all, suite.Files(set.Summaries, set.Sources).List()...)
		at = slices.IndexFunc(all, named)
	}
	if at < 0 {
		var known []string
		for _, s := range all {
			known = append(known, s.ID)
		}
		return cli.UsageErrorf("no scenario %q; %s", id, cmp.Or(suggest.Hint(id, known), "`harness scenarios` lists them"))
	}
	return cli.WriteTable(out, func(w io.Writer) error { return scenarioPage(w, all[at]) })
}

func roleNames(roles []scenario.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, "+")
}

func scenarioPage(w io.Writer, s scenario.Scenario) error {
	_, err := fmt.Fprintf(w, "%s (%s, of a %s)\n\n%s.\n", s.ID, s.Level, roleNames(s.Roles), s.Title)
	if err == nil && s.Rationale != "" {
		_, err = fmt.Fprintf(w, "\n%s\n", s.Rationale)
	}
	if err == nil && s.Ref != "" {
		_, err = fmt.Fprintf(w, "\nReference: %s\n", s.Ref)
	}
	return err
}

func scenarioIDs(*cobra.Command) []string {
	var ids []string
	for _, t := range scenarios.Topics() {
		for _, s := range t.List() {
			ids = append(ids, s.ID+"\t"+s.Title)
		}
	}
	return ids
}
