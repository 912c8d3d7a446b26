package listcmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// writeDatagramKinds lists those for datagrams, below those for streams.
func writeDatagramKinds(w io.Writer) {
	fmt.Fprintf(w, "\nOn datagrams (addresses that begin with %s):\n\n", cli.UDPPrefix)
	for _, k := range datagram.Catalogue() {
		fmt.Fprintf(w, "%s\t%s\n", k.Name, k.Summary)
	}
}

// writeDatagramKind shows one that is for datagrams, if there is one of the name.
func writeDatagramKind(w io.Writer, name string, stream bool) bool {
	k, ok := datagram.FindKind(name)
	if !ok {
		return false
	}
	if stream {
		fmt.Fprintf(w, "\nOn datagrams (addresses that begin with %s)\n\n", cli.UDPPrefix)
	}
	writeKind(w, k)
	fmt.Fprintf(w, "\nIt takes direction, toxicity (the share of datagrams), connections (2, 1-3, 4-), seed, and one of at.%s.\n",
		strings.Join(spec.TriggerFields(), ", at."))
	return true
}

func writeKind(w io.Writer, k spec.Kind) {
	fmt.Fprintf(w, "%s: %s\n\n%s\n\n", k.Name, k.Summary, k.Description)
	for _, a := range k.Attributes {
		fmt.Fprintf(w, "  %s\t%s\tdefault %v\t%s\n", a.Name, a.Kind, a.Default, a.Summary)
	}
}

func newToxics() *cobra.Command {
	return &cobra.Command{
		Use:   "toxics [NAME]",
		Short: "List the toxics, or show one with its attributes",
		Args:  cobra.MaximumNArgs(1),

		ValidArgsFunction: cli.FirstArgOnly(cli.SuggestWords(transport.ToxicNames)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.WriteTable(cmd.OutOrStdout(), func(w io.Writer) error {
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

// directionNote is the one place where users read it; toxics/doc.go says it in Go.
const directionNote = `Without a direction it is downstream on the command line and in the API, as in Toxiproxy, and upstream in scenario files and in Go.`

func toxicPage(w io.Writer, name string) error {
	k, ok := toxics.FindKind(name)
	if !ok {
		if writeDatagramKind(w, name, false) {
			return nil
		}
		_, err := spec.LookupKind(transport.ToxicKinds(), name)
		return cli.UsageErrorf("%v; `harness toxics` lists them", err)
	}
	writeKind(w, k)
	if !k.Connection {
		fmt.Fprintf(w, "\n%s\n", directionNote)
		fmt.Fprintf(w, "\nAs every toxic it takes direction, toxicity, connections (2, 1-3, 4-), seed, and one of at.%s.\n", strings.Join(spec.TriggerFields(), ", at."))
	}
	writeDatagramKind(w, name, true)
	return nil
}
