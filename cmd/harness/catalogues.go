package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios"
	"github.com/sockharness/harness/toxics"
)

func newScenarios() *cobra.Command {
	return &cobra.Command{
		Use:   "scenarios [ID]",
		Short: "List the built-in scenarios, or show one whole",
		Args:  cobra.MaximumNArgs(1),

		ValidArgsFunction: first(suggest(scenarioIDs)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var known []string
			return table(cmd.OutOrStdout(), func(w io.Writer) error {
				for _, t := range scenarios.Topics() {
					for _, s := range t.List() {
						known = append(known, s.ID)
						if len(args) == 0 {
							fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.Level, roleNames(s.Roles), s.Title)
						} else if s.ID == args[0] {
							return page(w, s)
						}
					}
				}
				if len(args) == 1 {
					return usage("no scenario %q; there are: %s", args[0], strings.Join(known, ", "))
				}
				return nil
			})
		},
	}
}

func roleNames(roles []scenario.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, "+")
}

func page(w io.Writer, s scenario.Scenario) error {
	_, err := fmt.Fprintf(w, "%s (%s, of a %s)\n\n%s.\n\n%s\n\nReference: %s\n", s.ID, s.Level, roleNames(s.Roles), s.Title, s.Rationale, s.Ref)
	return err
}

func newOracles() *cobra.Command {
	return &cobra.Command{
		Use:   "oracles [NAME]",
		Short: "List the default oracles, or show one whole",
		Long: `List the rules that every scenario is held against, beside what it expects itself.
A target gives one another level, or switches it off:

  oracles: { clean-end: must, memory: off }`,
		Args: cobra.MaximumNArgs(1),

		ValidArgsFunction: first(suggest(oracleNames)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return table(cmd.OutOrStdout(), func(w io.Writer) error {
				if len(args) == 1 {
					return oraclePage(w, args[0])
				}
				for _, o := range scenario.Oracles() {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", o.Name, o.Level, roleNames(o.Roles), o.Title)
				}
				return nil
			})
		},
	}
}

func oracleNames(*cobra.Command) []string {
	var names []string
	for _, o := range scenario.Oracles() {
		names = append(names, o.Name)
	}
	return names
}

func oraclePage(w io.Writer, name string) error {
	o, ok := scenario.FindOracle(name)
	if !ok {
		return usage("no oracle %q; there are: %s", name, strings.Join(oracleNames(nil), ", "))
	}
	_, err := fmt.Fprintf(w, "%s (%s, of a %s)\n\n%s.\n\n%s\n\nReference: %s\n", o.Name, o.Level, roleNames(o.Roles), o.Title, o.Rationale, o.Ref)
	return err
}

func newToxics() *cobra.Command {
	return &cobra.Command{
		Use:   "toxics [NAME]",
		Short: "List the toxics, or show one with its attributes",
		Args:  cobra.MaximumNArgs(1),

		ValidArgsFunction: first(suggest(toxicNames)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return table(cmd.OutOrStdout(), func(w io.Writer) error {
				if len(args) == 1 {
					return toxicPage(w, args[0])
				}
				for _, k := range toxics.Catalogue() {
					fmt.Fprintf(w, "%s\t%s\n", k.Name, k.Summary)
				}
				writeDatagramKinds(w)
				return nil
			})
		},
	}
}

func toxicPage(w io.Writer, name string) error {
	k, ok := toxics.Find(name)
	if !ok {
		if writeDatagramKind(w, name, false) {
			return nil
		}
		_, err := toxics.Lookup(toxicKinds(), name)
		return usage("%v", err)
	}
	writeKind(w, k)
	if !k.Connection {
		fmt.Fprintf(w, "\nAs every toxic it takes direction, toxicity, connections (2, 1-3, 4-), seed, and one of at.%s.\n", strings.Join(toxics.TriggerFields(), ", at."))
	}
	writeDatagramKind(w, name, true)
	return nil
}

func newTargets() *cobra.Command {
	f := &targetFlags{}
	cmd := &cobra.Command{
		Use:   "targets",
		Short: "List the targets that `harness run` would test",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			targets, err := f.all()
			if err == nil {
				targets, err = f.narrow(targets)
			}
			if err != nil {
				return err
			}
			return table(cmd.OutOrStdout(), func(w io.Writer) error {
				for _, t := range targets {
					fmt.Fprintf(w, "%s\ttest %s\tserver: %s\tclient: %s\n", t.Name, t.Test, describe(t.Server), describe(t.Client))
				}
				return nil
			})
		},
	}
	f.register(cmd.Flags())
	f.complete(cmd)
	return cmd
}

func describe(p scenario.Peer) string {
	switch {
	case p.Address != "":
		return p.Address
	case p.Dialogue == nil:
		return strings.Join(p.Command, " ")
	case p.Dialogue.File != "":
		return "dialogue " + p.Dialogue.File
	}
	return "dialogue of flags"
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return table(cmd.OutOrStdout(), func(w io.Writer) error {
				_, err := fmt.Fprintln(w, "harness", version())
				return err
			})
		},
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unversioned build)"
	}
	return info.Main.Version + " " + info.GoVersion
}

// table writes aligned columns; a failed write is the harness's failure.
func table(out io.Writer, rows func(io.Writer) error) error {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	if err := rows(w); err != nil {
		return err
	}
	w.Flush() // to memory: it cannot fail
	if _, err := out.Write(text.Bytes()); err != nil {
		return broken("%w", err)
	}
	return nil
}
