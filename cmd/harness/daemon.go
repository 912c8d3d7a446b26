package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// newDaemonCommands are those of toxiproxy-cli, against a running daemon.
func newDaemonCommands() []*cobra.Command {
	return []*cobra.Command{newList(), newInspect(), newCreate(), newUpdate(), newToggle(), newDelete(), newToxic(), newConnections(), newConfig(), newReset()}
}

// daemonCommand makes a command that talks to the daemon.
func daemonCommand(use, short string, args cobra.PositionalArgs, do func(cmd *cobra.Command, c *daemonClient, args []string) error) *cobra.Command {
	c := &daemonClient{}
	cmd := &cobra.Command{Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd, c, args) }}
	c.register(cmd)
	if strings.Contains(use, "PROXY") {
		cmd.ValidArgsFunction = first(suggest(c.proxyNames))
	}
	return cmd
}

func newList() *cobra.Command {
	cmd := daemonCommand("list", "List the proxies of the daemon", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		var all map[string]daemonProxy
		answer, err := c.call(cmd.Context(), "GET", "/proxies", nil, &all)
		if err != nil || c.json {
			return firstError(err, func() error { return c.show(cmd, answer, "") })
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) error {
			fmt.Fprintln(w, "NAME\tLISTEN\tUPSTREAM\tSTATE\tTOXICS")
			for _, name := range slices.Sorted(maps.Keys(all)) {
				p := all[name]
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", name, p.Listen, p.to(p.Upstream), p.state(), len(p.Toxics))
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

// state says whether the proxy is enabled, and what it does with connections.
func (p daemonProxy) state() string {
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
		answer, err := c.call(cmd.Context(), "GET", proxyPath(args[0]), nil, &p)
		if err != nil || c.json {
			return firstError(err, func() error { return c.show(cmd, answer, "") })
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) error { p.write(w); return nil })
	})
	cmd.Aliases = []string{"i", "ins"}
	return cmd
}

func (p daemonProxy) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s to %s, %s%s\n", p.Name, p.Listen, p.to(p.Upstream), p.state(), p.words())
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", t.Name, t.Type, t.Stream, toxicity, t.settings())
	}
}

// settings returns attributes, trigger and connection as flags have them.
func (t daemonToxic) settings() string {
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
	f := &transportFlags{}
	cmd := daemonCommand("create PROXY --listen ADDR --upstream ADDR", "Create a proxy", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		p.Name, p.Enabled = args[0], true
		var err error
		if p.Upstream, p.transport, err = f.resolve(p.Upstream); err != nil {
			return err
		}
		if seed, err := cmd.Flags().GetInt64("seed"); err == nil && cmd.Flags().Changed("seed") {
			p.Seed = &seed
		}
		var created daemonProxy
		answer, err := c.call(cmd.Context(), "POST", "/proxies", p, &created)
		if err != nil {
			return err
		}
		return c.show(cmd, answer, "Created new proxy %s: %s to %s", p.Name, created.Listen, created.to(created.Upstream))
	})
	cmd.Aliases = []string{"c", "new"}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	flags := cmd.Flags()
	flags.StringVarP(&p.Listen, "listen", "l", "", listenUsage)
	flags.StringVarP(&p.Upstream, "upstream", "u", "", upstreamUsage)
	f.register(cmd)
	flags.StringVar(&p.Mode, "mode", "", "what becomes of connections: accept, refuse or blackhole")
	flags.Int64("seed", 0, "seed of what is random on this proxy (default: the daemon's)")
	require(cmd, "listen", "upstream")
	completeFlag(cmd, "mode", cobra.FixedCompletions([]string{"accept", "refuse", "blackhole"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// newUpdate is for what toxiproxy-cli cannot change.
func newUpdate() *cobra.Command {
	change := map[string]*string{"listen": new(string), "upstream": new(string), "mode": new(string)}
	cmd := daemonCommand("update PROXY", "Change where a proxy listens, where it leads, or its mode", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		body := map[string]any{}
		for name, value := range change {
			if cmd.Flags().Changed(name) {
				body[name] = *value
			}
		}
		if seed, err := cmd.Flags().GetInt64("seed"); err == nil && cmd.Flags().Changed("seed") {
			body["seed"] = seed
		}
		if len(body) == 0 {
			return usage("nothing to change: give --listen, --upstream, --mode or --seed")
		}
		if upstream, ok := body["upstream"].(string); ok {
			if err := checkUpstream(upstream); err != nil {
				return err
			}
		}
		var p daemonProxy
		answer, err := c.call(cmd.Context(), "POST", proxyPath(args[0]), body, &p)
		if err != nil {
			return err
		}
		return c.show(cmd, answer, "Proxy %s: %s to %s, %s", args[0], p.Listen, p.to(p.Upstream), p.state())
	})
	cmd.Long = "Change a proxy and keep its toxics. Another address, upstream or seed ends its connections; another mode does not."
	cmd.Example = "  harness update kv --mode refuse\n  harness update kv --mode accept --upstream 127.0.0.1:7002"
	flags := cmd.Flags()
	flags.StringVarP(change["listen"], "listen", "l", "", listenUsage)
	flags.StringVarP(change["upstream"], "upstream", "u", "", "`ADDRESS` of the server, instead of all that there were")
	flags.StringVar(change["mode"], "mode", "", "what becomes of connections: accept, refuse or blackhole")
	flags.Int64("seed", 0, "seed of what is random on this proxy")
	completeFlag(cmd, "mode", cobra.FixedCompletions([]string{"accept", "refuse", "blackhole"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// require panics for a flag that there is not: a mistake of ours.
func require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
}

func newToggle() *cobra.Command {
	cmd := daemonCommand("toggle PROXY", "Enable a proxy that is disabled, and the other way round", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		var p daemonProxy
		if _, err := c.call(cmd.Context(), "GET", proxyPath(args[0]), nil, &p); err != nil {
			return err
		}
		answer, err := c.call(cmd.Context(), "POST", proxyPath(args[0]), map[string]bool{"enabled": !p.Enabled}, &p)
		if err != nil {
			return err
		}
		return c.show(cmd, answer, "Proxy %s is now %s", args[0], p.state())
	})
	cmd.Aliases = []string{"tog"}
	return cmd
}

func newDelete() *cobra.Command {
	cmd := daemonCommand("delete PROXY", "Delete a proxy and end its connections", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		answer, err := c.call(cmd.Context(), "DELETE", proxyPath(args[0]), nil, nil)
		if err != nil {
			return err
		}
		return c.show(cmd, answer, "Deleted proxy %s", args[0])
	})
	cmd.Aliases = []string{"d"}
	return cmd
}
