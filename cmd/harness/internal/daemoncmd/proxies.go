// Package daemoncmd is the daemon and the verbs that speak to it: serve, and those
// of toxiproxy-cli (list, inspect, create, toggle, delete, toxic) with update,
// connections, events, outage, config and reset beside.
//
//	root.AddCommand(daemoncmd.Commands()...)
package daemoncmd

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
)

// Commands returns serve, and the verbs for a running daemon.
func Commands() []*cobra.Command {
	return []*cobra.Command{newServe(), newList(), newInspect(), newCreate(), newUpdate(), newToggle(), newDelete(), newToxic(), newConnections(), newEvents(), newOutage(), newConfig(), newReset()}
}

// daemonCommand makes a command that talks to the daemon.
func daemonCommand(use, short string, args cobra.PositionalArgs, do func(cmd *cobra.Command, c *daemonClient, args []string) error) *cobra.Command {
	c := &daemonClient{}
	cmd := &cobra.Command{Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd, c, args) }}
	c.registerFlags(cmd)
	if strings.Contains(use, "PROXY") {
		cmd.ValidArgsFunction = cli.FirstArgOnly(cli.SuggestWords(c.proxyNames))
	}
	return cmd
}

func newList() *cobra.Command {
	cmd := daemonCommand("list", "List the proxies of the daemon", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		var all map[string]daemonProxy
		answer, err := c.callDaemon(cmd.Context(), "GET", "/proxies", nil, &all)
		if err != nil || c.json {
			return firstError(err, func() error { return c.showReply(cmd, answer, "") })
		}
		return writeTable(cmd, func(w io.Writer) error {
			fmt.Fprintln(w, "NAME\tLISTEN\tUPSTREAM\tSTATE\tTOXICS")
			for _, name := range slices.Sorted(maps.Keys(all)) {
				p := all[name]
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", name, p.Listen, p.FormatUpstreams(p.Upstream), p.stateText(), len(p.Toxics))
			}
			return nil
		})
	})
	cmd.Aliases = []string{"l", "li", "ls"}
	return cmd
}

func firstError(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// stateText says whether the proxy is enabled, and what it does with connections.
func (p daemonProxy) stateText() string {
	switch {
	case !p.Enabled:
		return "disabled"
	case p.Mode != "":
		return "enabled, " + p.Mode
	}
	return "enabled"
}

func newInspect() *cobra.Command {
	cmd := daemonCommand("inspect PROXY", "Show a proxy and its toxics", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		var p daemonProxy
		answer, err := c.callDaemon(cmd.Context(), "GET", proxyPath(args[0]), nil, &p)
		if err != nil || c.json {
			return firstError(err, func() error { return c.showReply(cmd, answer, "") })
		}
		return writeTable(cmd, func(w io.Writer) error { p.writeProxy(w); return nil })
	})
	cmd.Aliases = []string{"i", "ins"}
	return cmd
}

func (p daemonProxy) writeProxy(w io.Writer) {
	fmt.Fprintf(w, "%s: %s to %s, %s%s\n", p.Name, p.Listen, p.FormatUpstreams(p.Upstream), p.stateText(), p.DescribeUnusual())
	if len(p.Toxics) == 0 {
		fmt.Fprintln(w, "no toxics")
		return
	}
	fmt.Fprintln(w, "TOXIC\tTYPE\tSTREAM\tTOXICITY\tATTRIBUTES")
	for _, t := range p.Toxics {
		toxicity := float32(1)
		if t.Toxicity != nil {
			toxicity = *t.Toxicity
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", t.Name, t.Type, t.Stream, toxicity, t.formatSettings())
	}
}

// formatSettings returns attributes, trigger and connection as flags have them.
func (t daemonToxic) formatSettings() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		words = append(words, name+"="+plainValue(t.Attributes[name]))
	}
	for name, value := range t.At {
		words = append(words, "at."+name+"="+plainValue(value))
	}
	if t.Connection != 0 {
		words = append(words, fmt.Sprintf("connection=%d", t.Connection))
	}
	if t.Through != "" {
		words = append(words, "connections="+t.Through)
	}
	if t.Seed != nil {
		words = append(words, fmt.Sprintf("seed=%d", *t.Seed))
	}
	return strings.Join(words, " ")
}

// plainValue writes a JSON value; whole numbers have no exponent.
func plainValue(value any) string {
	switch v := value.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, plainValue(item))
		}
		return strings.Join(items, ",")
	case string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(value)
}

func newCreate() *cobra.Command {
	var p daemonProxy
	f := &transport.Flags{}
	cmd := daemonCommand("create PROXY --listen ADDR --upstream ADDR", "Create a proxy", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		p.Name, p.Enabled = args[0], true
		var err error
		if p.Upstream, p.Settings, err = f.ResolveFlags(p.Upstream); err != nil {
			return err
		}
		if seed, err := cmd.Flags().GetInt64("seed"); err == nil && cmd.Flags().Changed("seed") {
			p.Seed = &seed
		}
		var created daemonProxy
		answer, err := c.callDaemon(cmd.Context(), "POST", "/proxies", p, &created)
		if err != nil {
			return err
		}
		return c.showReply(cmd, answer, "Created new proxy %s: %s to %s", p.Name, created.Listen, created.FormatUpstreams(created.Upstream))
	})
	cmd.Aliases = []string{"c", "new"}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	flags := cmd.Flags()
	flags.StringVarP(&p.Listen, "listen", "l", "", transport.ListenUsage)
	flags.StringVarP(&p.Upstream, "upstream", "u", "", transport.UpstreamUsage)
	f.RegisterFlags(cmd)
	flags.StringVar(&p.Mode, "mode", "", "what happens to new connections: accept, refuse or blackhole")
	flags.Int64("seed", 0, "seed of this proxy's random choices (default: the daemon's)")
	cli.RequireFlags(cmd, "listen", "upstream")
	cli.CompleteFlag(cmd, "mode", cobra.FixedCompletions([]string{"accept", "refuse", "blackhole"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// newUpdate is for what toxiproxy-cli cannot change.
func newUpdate() *cobra.Command {
	change := map[string]*string{"listen": new(string), "upstream": new(string), "mode": new(string)}
	cmd := daemonCommand("update PROXY", "Change a proxy's listen address, upstream, mode, seed or recording", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		body := map[string]any{}
		recorded, err := c.setRecording(cmd, args[0])
		if err != nil {
			return err
		}
		for name, value := range change {
			if cmd.Flags().Changed(name) {
				body[name] = *value
			}
		}
		if seed, err := cmd.Flags().GetInt64("seed"); err == nil && cmd.Flags().Changed("seed") {
			body["seed"] = seed
		}
		if len(body) == 0 && !recorded {
			return cli.UsageErrorf("nothing to change: give --listen, --upstream, --mode, --seed or --record")
		}
		if upstream, ok := body["upstream"].(string); ok {
			if err := cli.CheckUpstream(upstream); err != nil {
				return err
			}
		}
		var p daemonProxy
		answer, err := c.callDaemon(cmd.Context(), "POST", proxyPath(args[0]), body, &p)
		if err != nil {
			return err
		}
		return c.showReply(cmd, answer, "Proxy %s: %s to %s, %s", args[0], p.Listen, p.FormatUpstreams(p.Upstream), p.stateText())
	})
	cmd.Long = "Change a proxy and keep its toxics. A new address, upstream or seed closes its connections; a new mode does not."
	cmd.Example = "  harness update kv --mode refuse\n  harness update kv --mode accept --upstream 127.0.0.1:7002"
	flags := cmd.Flags()
	flags.StringVarP(change["listen"], "listen", "l", "", transport.ListenUsage)
	flags.StringVarP(change["upstream"], "upstream", "u", "", "`ADDRESS` of the server; replaces all previous upstreams")
	flags.StringVar(change["mode"], "mode", "", "what happens to new connections: accept, refuse or blackhole")
	flags.Int64("seed", 0, "seed of this proxy's random choices")
	flags.Bool("record", false, "record the bytes of new connections; see connections stream")
	cli.CompleteFlag(cmd, "mode", cobra.FixedCompletions([]string{"accept", "refuse", "blackhole"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// setRecording has new connections recorded, or not, if the user wants either.
func (c *daemonClient) setRecording(cmd *cobra.Command, proxy string) (asked bool, err error) {
	on, err := cmd.Flags().GetBool("record")
	if err != nil || !cmd.Flags().Changed("record") {
		return false, err
	}
	method := "DELETE"
	if on {
		method = "POST"
	}
	_, err = c.callDaemon(cmd.Context(), method, proxyPath(proxy)+"/record", nil, nil)
	return true, err
}

func newToggle() *cobra.Command {
	var drain time.Duration
	cmd := daemonCommand("toggle PROXY", "Enable a disabled proxy, or disable an enabled one", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		var p daemonProxy
		if _, err := c.callDaemon(cmd.Context(), "GET", proxyPath(args[0]), nil, &p); err != nil {
			return err
		}
		answer, err := c.callDaemon(cmd.Context(), "POST", proxyPath(args[0])+drainQuery(drain), map[string]bool{"enabled": !p.Enabled}, &p)
		if err != nil {
			return err
		}
		return c.showReply(cmd, answer, "Proxy %s is now %s", args[0], p.stateText())
	})
	cmd.Aliases = []string{"tog"}
	registerDrain(cmd, &drain)
	return cmd
}

// registerDrain adds the flag of commands that end connections of a proxy.
func registerDrain(cmd *cobra.Command, drain *time.Duration) {
	cmd.Flags().DurationVar(drain, "drain", 0, "first deliver what was already sent, for at most this time (up to 20s)")
}

func drainQuery(drain time.Duration) string {
	if drain == 0 {
		return ""
	}
	return "?" + url.Values{"drain": {drain.String()}}.Encode()
}

func newDelete() *cobra.Command {
	var drain time.Duration
	cmd := daemonCommand("delete PROXY", "Delete a proxy and close its connections", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		answer, err := c.callDaemon(cmd.Context(), "DELETE", proxyPath(args[0])+drainQuery(drain), nil, nil)
		if err != nil {
			return err
		}
		return c.showReply(cmd, answer, "Deleted proxy %s", args[0])
	})
	cmd.Aliases = []string{"d"}
	registerDrain(cmd, &drain)
	return cmd
}
