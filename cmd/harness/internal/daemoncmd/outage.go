package daemoncmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/plural"
)

// An outage is what the user asks of a whole proxy.
type outage struct {
	Kind   string `json:"outage"`
	Stream string `json:"stream,omitempty"`
	How    string `json:"how,omitempty"`
	First  uint64 `json:"first,omitempty"`
	For    any    `json:"for,omitempty"` // text such as "1.5s"; in an answer milliseconds, what is left
}

// String says in words what the outage is.
func (o outage) String() string {
	text := strings.TrimSpace(o.Kind + " " + o.Stream)
	if o.First > 0 {
		text += ", the next " + plural.Count(o.First, "connection")
	}
	if o.How != "" {
		text += ", by " + o.How
	}
	if ms, ok := o.For.(float64); ok {
		text += fmt.Sprintf(", for another %v", time.Duration(ms)*time.Millisecond)
	}
	return text
}

func newOutage() *cobra.Command {
	o, span := &outage{}, time.Duration(0)
	kinds := []string{"partition\tnothing arrives, and no connect is answered", "refuse_new\tconnects are refused, open connections live on",
		"fail\tthe next connections fail", "heal\tthe end of it"}
	cmd := daemonCommand("outage PROXY [partition|refuse_new|fail|heal]", "Disturb a whole proxy for a while: partition it, refuse or fail new connections", cobra.RangeArgs(1, 2), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		path := proxyPath(args[0]) + "/outage"
		if len(args) == 1 {
			var now outage
			answer, err := c.callDaemon(cmd.Context(), "GET", path, nil, &now)
			return firstError(err, func() error { return c.showReply(cmd, answer, "Proxy '%s': %s", args[0], now) })
		}
		if o.Kind = args[1]; o.Kind == "heal" {
			answer, err := c.callDaemon(cmd.Context(), "DELETE", path, nil, nil)
			return firstError(err, func() error { return c.showReply(cmd, answer, "Healed proxy '%s'", args[0]) })
		}
		if span != 0 {
			o.For = span.String()
		}
		answer, err := c.callDaemon(cmd.Context(), "POST", path, o, nil)
		return firstError(err, func() error { return c.showReply(cmd, answer, "Proxy '%s': %s", args[0], o.Kind) })
	})
	cmd.Long = `Disturb a whole proxy for a while. Its mode and toxics stay as they are.

  partition    nothing arrives on open connections, and no connect is answered.
               With --stream only what flows that way is held back. What was sent
               arrives when it is over.
  refuse_new   connects are refused (ECONNREFUSED); open connections go on
  fail         the next connections fail: the --first N of them, or all --for a
               time; open ones go on. --how reset (default) or close after the
               connect; with --for also refuse or blackhole, the connect itself
  heal         end it

Without one of these words it shows the current outage, and what is left of it.
Toxiproxy's own daemon does not have this.`
	cmd.Example = "  harness outage kv partition --stream downstream --for 5s\n  harness outage kv fail --first 3\n  harness outage kv heal"
	flags := cmd.Flags()
	flags.StringVar(&o.Stream, "stream", "", "of a partition: upstream, downstream or both (default)")
	flags.StringVar(&o.How, "how", "", "of fail: reset (default), close, refuse or blackhole")
	flags.Uint64Var(&o.First, "first", 0, "of fail: how many of the next connections")
	flags.DurationVar(&span, "for", 0, "heal after this time, such as 5s")
	cli.CompleteFlag(cmd, "stream", cobra.FixedCompletions([]string{"upstream", "downstream", "both"}, cobra.ShellCompDirectiveNoFileComp))
	cli.CompleteFlag(cmd, "how", cobra.FixedCompletions([]string{"reset", "close", "refuse", "blackhole"}, cobra.ShellCompDirectiveNoFileComp))
	names := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return kinds, cobra.ShellCompDirectiveNoFileComp
		}
		return names(cmd, args, word)
	}
	return cmd
}
