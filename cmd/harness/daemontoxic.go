package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/toxics"
)

func newToxic() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "toxic",
		Aliases: []string{"t"},
		Short:   "Add, update or delete a toxic of a proxy",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newToxicAdd(), newToxicUpdate(), newToxicDelete())
	return cmd
}

// toxicFlags is what the user says of a toxic.
type toxicFlags struct {
	name       string
	kind       string
	toxicity   float32
	attributes []string
	at         string
	connection string
	seed       int64
	upstream   bool
	downstream bool
}

func (f *toxicFlags) registerChange(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Float32Var(&f.toxicity, "toxicity", 1, "share of connections that have it, 0 to 1")
	flags.StringArrayVarP(&f.attributes, "attribute", "a", nil, "attribute of the type, `NAME=VALUE` (may be repeated)")
	flags.StringVar(&f.at, "at", "", "where it begins to strike: byte=93, pattern=\"\\r\\n\", opposite=\"GET /\", segment=2, event=eof or time=200ms")
	flags.StringVar(&f.connection, "connection", "", "only these connections of the proxy have it: 2, 1-3 or 4-; 0: every one")
	flags.Int64Var(&f.seed, "seed", 0, "seed of what is random in it (default: the proxy's)")
	completeFlag(cmd, "attribute", f.suggestAttributes)
	completeFlag(cmd, "at", suggestTrigger)
	completeFlag(cmd, "connection", cobra.FixedCompletions([]string{"1\tthe first", "1-3\tthe first three", "4-\tfrom the fourth on"}, cobra.ShellCompDirectiveNoFileComp))
}

func newToxicAdd() *cobra.Command {
	f := &toxicFlags{}
	cmd := daemonCommand("add PROXY --type TYPE", "Add a toxic to a proxy", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		t, err := f.toxic(cmd)
		if err != nil {
			return err
		}
		t.Name, t.Type, t.Stream = f.name, f.kind, "downstream"
		if f.upstream {
			t.Stream = "upstream"
		}
		var added daemonToxic
		answer, err := c.call(cmd.Context(), "POST", proxyPath(args[0])+"/toxics", t, &added)
		if err != nil {
			return err
		}
		f.warn(cmd, added)
		return c.show(cmd, answer, "Added %s %s toxic '%s' on proxy '%s'", added.Stream, added.Type, added.Name, args[0])
	})
	cmd.Aliases = []string{"a"}
	cmd.Example = `  harness toxic add kv -t latency -n slow -a latency=100 -a jitter=50
  harness toxic add kv -t half_close --at byte=93 --connection 2`
	flags := cmd.Flags()
	flags.StringVarP(&f.name, "toxicName", "n", "", "its name (default TYPE_STREAM)")
	flags.StringVarP(&f.kind, "type", "t", "", "its type; see harness toxics")
	flags.BoolVarP(&f.upstream, "upstream", "u", false, "tamper with what clients send")
	flags.BoolVarP(&f.downstream, "downstream", "d", false, "tamper with what the server sends (default)")
	f.registerChange(cmd)
	require(cmd, "type")
	cmd.MarkFlagsMutuallyExclusive("upstream", "downstream")
	completeFlag(cmd, "type", suggest(toxicNames))
	return cmd
}

func newToxicUpdate() *cobra.Command {
	f := &toxicFlags{}
	cmd := daemonCommand("update PROXY --toxicName NAME", "Change attributes or toxicity of a toxic, and nothing else of it", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		t, err := f.toxic(cmd)
		if err != nil {
			return err
		}
		var updated daemonToxic
		answer, err := c.call(cmd.Context(), "PATCH", toxicPath(args[0], f.name), t, &updated)
		if err != nil {
			return err
		}
		f.warn(cmd, updated)
		return c.show(cmd, answer, "Updated toxic '%s' on proxy '%s'", f.name, args[0])
	})
	cmd.Aliases = []string{"u"}
	f.registerChange(cmd)
	f.registerName(cmd)
	return cmd
}

func newToxicDelete() *cobra.Command {
	f := &toxicFlags{}
	cmd := daemonCommand("delete PROXY --toxicName NAME", "Take a toxic off a proxy", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		answer, err := c.call(cmd.Context(), "DELETE", toxicPath(args[0], f.name), nil, nil)
		if err != nil {
			return err
		}
		return c.show(cmd, answer, "Removed toxic '%s' on proxy '%s'", f.name, args[0])
	})
	cmd.Aliases = []string{"d", "r", "remove"}
	f.registerName(cmd)
	return cmd
}

// registerName is for commands about a toxic that there is.
func (f *toxicFlags) registerName(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.name, "toxicName", "n", "", "name of the toxic")
	require(cmd, "toxicName")
	completeFlag(cmd, "toxicName", suggest(toxicNamesOf))
}

// toxic reads the flags that were given; those that were not change nothing.
func (f *toxicFlags) toxic(cmd *cobra.Command) (daemonToxic, error) {
	t := daemonToxic{Attributes: map[string]any{}}
	if f.connection != "" {
		if _, _, err := toxics.ParseConnections(f.connection); err != nil {
			return t, usage("--connection %v", err)
		}
		t.Through = f.connection
	}
	if cmd.Flags().Changed("seed") {
		t.Seed = &f.seed
	}
	if cmd.Flags().Changed("toxicity") {
		if f.toxicity < 0 || f.toxicity > 1 {
			return t, usage("--toxicity %v: want 0 to 1", f.toxicity)
		}
		t.Toxicity = &f.toxicity
	}
	for _, given := range f.attributes {
		name, value, ok := strings.Cut(given, "=")
		if !ok {
			return t, usage("--attribute %q: want NAME=VALUE", given)
		}
		t.Attributes[name] = number(value)
	}
	if f.at == "" {
		return t, nil
	}
	field, value, ok := strings.Cut(f.at, "=")
	if !ok {
		return t, usage("--at %q: want NAME=VALUE, such as byte=93", f.at)
	}
	if field == "pattern" || field == "opposite" {
		plain, err := strconv.Unquote(`"` + strings.ReplaceAll(value, `"`, `\"`) + `"`)
		if err != nil {
			return t, usage("--at %q: bad escape", f.at)
		}
		value = plain
	}
	t.At = map[string]any{field: value}
	return t, nil
}

// warn tells of attributes that the toxic does not have: Toxiproxy ignores them,
// and so does whoever speaks its language.
func (f *toxicFlags) warn(cmd *cobra.Command, made daemonToxic) {
	for _, given := range f.attributes {
		name, _, _ := strings.Cut(given, "=")
		if made.has(name) {
			continue
		}
		cmd.PrintErrf("harness: warning: %s has no attribute %q, and it was ignored; it has %s\n",
			made.Type, name, strings.Join(slices.Sorted(maps.Keys(made.Attributes)), ", "))
	}
}

// has reports whether the toxic has an attribute, shown or at its default, or
// what may be said among them.
func (t daemonToxic) has(name string) bool {
	if strings.HasPrefix(name, "at.") || slices.Contains([]string{"at", "connection", "connections", "seed"}, name) {
		return true
	}
	for shown := range t.Attributes {
		if strings.EqualFold(shown, name) {
			return true
		}
	}
	return slices.ContainsFunc(toxicKinds(), func(k toxics.Kind) bool {
		return k.Name == t.Type && slices.ContainsFunc(k.Attributes, func(a toxics.Attribute) bool { return strings.EqualFold(a.Name, name) })
	})
}

// number is the value as JSON has it; what is no number is text.
func number(value string) any {
	if _, err := strconv.ParseFloat(value, 64); err == nil && json.Valid([]byte(value)) {
		return json.Number(value)
	}
	return value
}

// completionPatience bounds what a shell waits for the daemon.
const completionPatience = time.Second

func (c *daemonClient) proxyNames(*cobra.Command) []string {
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	var all map[string]daemonProxy
	if _, err := c.call(ctx, "GET", "/proxies", nil, &all); err != nil {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		names = append(names, name+"\t"+all[name].Listen+" to "+all[name].Upstream)
	}
	return names
}

// toxicNamesOf offers the toxics of the proxy that is named already.
func toxicNamesOf(cmd *cobra.Command) []string {
	var names []string
	for _, t := range toxicsOf(cmd) {
		names = append(names, t.Name+"\t"+t.Stream+" "+t.Type+" "+t.settings())
	}
	return names
}

func toxicsOf(cmd *cobra.Command) []daemonToxic {
	c := daemonClient{}
	c.host, _ = cmd.Flags().GetString("host")
	c.token, _ = cmd.Flags().GetString("token")
	if cmd.Flags().NArg() == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	var p daemonProxy
	if _, err := c.call(ctx, "GET", proxyPath(cmd.Flags().Arg(0)), nil, &p); err != nil {
		return nil
	}
	return p.Toxics
}

// kindOf is the type that was given, or that of the toxic that was named.
func (f *toxicFlags) kindOf(cmd *cobra.Command) string {
	if f.kind != "" || f.name == "" {
		return f.kind
	}
	for _, t := range toxicsOf(cmd) {
		if t.Name == f.name {
			return t.Type
		}
	}
	return ""
}

// suggestAttributes offers those of the type that was given, or of all, and the
// values of one that has only a few.
func (f *toxicFlags) suggestAttributes(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	given, _, valued := strings.Cut(word, "=")
	kind := f.kindOf(cmd)
	var words []string
	for _, k := range toxicKinds() {
		if kind != "" && kind != k.Name {
			continue
		}
		for _, a := range k.Attributes {
			known := slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, a.Name+"=") })
			switch {
			case known: // a type of the same name, for datagrams
			case !valued:
				words = append(words, a.Name+"=\t"+a.Summary)
			case a.Name == given:
				words = append(words, values(a)...)
			}
		}
	}
	if valued {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// values returns what an attribute may be set to, where that can be listed.
func values(a toxics.Attribute) (words []string) {
	choices := a.Choices
	if a.Kind == toxics.Bool {
		choices = []string{"true", "false"}
	}
	for _, c := range choices {
		words = append(words, a.Name+"="+c)
	}
	return words
}

// suggestTrigger offers what a trigger may be, and the events by name.
func suggestTrigger(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.HasPrefix(word, "event=") {
		var words []string
		for _, name := range toxics.TriggerEvents() {
			words = append(words, "event="+name)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, field := range toxics.TriggerFields() {
		words = append(words, field+"=")
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
