package daemoncmd

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/toxics/spec"
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
	flags.Float32Var(&f.toxicity, "toxicity", 1, "share of connections that get the toxic, 0 to 1")
	flags.StringArrayVarP(&f.attributes, "attribute", "a", nil, "attribute of the type, `NAME=VALUE` (repeatable)")
	flags.StringVar(&f.at, "at", "", "where the toxic strikes first: byte=93, pattern=\"\\r\\n\", opposite=\"GET /\", segment=2, frame=3+2, event=eof or time=200ms")
	flags.StringVar(&f.connection, "connection", "", "connections that get the toxic: 2, 1-3 or 4-; 0: all")
	flags.Int64Var(&f.seed, "seed", 0, "seed of the toxic's random choices (default: the proxy's)")
	cli.CompleteFlag(cmd, "attribute", f.suggestAttributes)
	cli.CompleteFlag(cmd, "at", suggestTrigger)
	cli.CompleteFlag(cmd, "connection", cobra.FixedCompletions([]string{"1\tthe first", "1-3\tthe first three", "4-\tthe fourth and later"}, cobra.ShellCompDirectiveNoFileComp))
}

func newToxicAdd() *cobra.Command {
	f := &toxicFlags{}
	cmd := daemonCommand("add PROXY --type TYPE", "Add a toxic to a proxy", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		t, err := f.readFlags(cmd)
		if err != nil {
			return err
		}
		t.Name, t.Type, t.Stream = f.name, f.kind, "downstream"
		if f.upstream {
			t.Stream = "upstream"
		}
		var added daemonToxic
		answer, err := c.callDaemon(cmd.Context(), "POST", proxyPath(args[0])+"/toxics", t, &added)
		if err != nil {
			return err
		}
		f.warnUnknown(cmd, added)
		return c.showReply(cmd, answer, "Added %s %s toxic '%s' on proxy '%s'", added.Stream, added.Type, added.Name, args[0])
	})
	cmd.Aliases = []string{"a"}
	cmd.Example = `  harness toxic add kv -t latency -n slow -a latency=100 -a jitter=50
  harness toxic add kv -t half_close --at byte=93 --connection 2`
	flags := cmd.Flags()
	flags.StringVarP(&f.name, "toxicName", "n", "", "name of the toxic (default TYPE_STREAM)")
	flags.StringVarP(&f.kind, "type", "t", "", "type of the toxic; see harness toxics")
	flags.BoolVarP(&f.upstream, "upstream", "u", false, "apply to the bytes that clients send")
	flags.BoolVarP(&f.downstream, "downstream", "d", false, "apply to the bytes that the server sends (default)")
	f.registerChange(cmd)
	cli.RequireFlags(cmd, "type")
	cmd.MarkFlagsMutuallyExclusive("upstream", "downstream")
	cli.CompleteFlag(cmd, "type", cli.SuggestWords(transport.ToxicNames))
	return cmd
}

func newToxicUpdate() *cobra.Command {
	f := &toxicFlags{}
	cmd := daemonCommand("update PROXY --toxicName NAME", "Change the attributes, toxicity, trigger or connections of a toxic", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		t, err := f.readFlags(cmd)
		if err != nil {
			return err
		}
		var updated daemonToxic
		answer, err := c.callDaemon(cmd.Context(), "PATCH", toxicPath(args[0], f.name), t, &updated)
		if err != nil {
			return err
		}
		f.warnUnknown(cmd, updated)
		return c.showReply(cmd, answer, "Updated toxic '%s' on proxy '%s'", f.name, args[0])
	})
	cmd.Aliases = []string{"u"}
	f.registerChange(cmd)
	f.registerName(cmd)
	return cmd
}

func newToxicDelete() *cobra.Command {
	f := &toxicFlags{}
	cmd := daemonCommand("delete PROXY --toxicName NAME", "Delete a toxic from a proxy", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		answer, err := c.callDaemon(cmd.Context(), "DELETE", toxicPath(args[0], f.name), nil, nil)
		if err != nil {
			return err
		}
		return c.showReply(cmd, answer, "Removed toxic '%s' on proxy '%s'", f.name, args[0])
	})
	cmd.Aliases = []string{"d", "r", "remove"}
	f.registerName(cmd)
	return cmd
}

// registerName is for commands about a toxic that there is.
func (f *toxicFlags) registerName(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.name, "toxicName", "n", "", "name of the toxic")
	cli.RequireFlags(cmd, "toxicName")
	cli.CompleteFlag(cmd, "toxicName", cli.SuggestWords(toxicNamesOf))
}

// readFlags reads the flags that were given; those that were not change nothing.
func (f *toxicFlags) readFlags(cmd *cobra.Command) (daemonToxic, error) {
	t := daemonToxic{Attributes: map[string]any{}}
	if f.connection != "" {
		if _, _, err := spec.ParseConnections(f.connection); err != nil {
			return t, cli.UsageErrorf("--connection %v", err)
		}
		t.Through = f.connection
	}
	if cmd.Flags().Changed("seed") {
		t.Seed = &f.seed
	}
	if cmd.Flags().Changed("toxicity") {
		if f.toxicity < 0 || f.toxicity > 1 {
			return t, cli.UsageErrorf("--toxicity %v: want 0 to 1", f.toxicity)
		}
		t.Toxicity = &f.toxicity
	}
	for _, given := range f.attributes {
		name, value, ok := strings.Cut(given, "=")
		if !ok {
			return t, cli.UsageErrorf("--attribute %q: want NAME=VALUE", given)
		}
		t.Attributes[name] = jsonNumber(value)
		if !transport.IsText(name) {
			continue
		}
		plain, err := unescape(value)
		if err != nil {
			return t, cli.UsageErrorf("--attribute %q: bad escape", given)
		}
		t.Attributes[name] = plain
	}
	if f.at == "" {
		return t, nil
	}
	field, value, ok := strings.Cut(f.at, "=")
	if !ok {
		return t, cli.UsageErrorf("--at %q: want NAME=VALUE, such as byte=93", f.at)
	}
	if field == "pattern" || field == "opposite" {
		plain, err := unescape(value)
		if err != nil {
			return t, cli.UsageErrorf("--at %q: bad escape", f.at)
		}
		value = plain
	}
	t.At = map[string]any{field: value}
	return t, nil
}

// warnUnknown tells of attributes that the toxic does not have: Toxiproxy ignores them,
// and so does a daemon that speaks its API.
func (f *toxicFlags) warnUnknown(cmd *cobra.Command, made daemonToxic) {
	for _, given := range f.attributes {
		name, _, _ := strings.Cut(given, "=")
		if made.hasAttribute(name) {
			continue
		}
		cmd.PrintErrf("harness: warning: %s has no attribute %q, which was ignored; its attributes are %s\n",
			made.Type, name, strings.Join(slices.Sorted(maps.Keys(made.Attributes)), ", "))
	}
}

// hasAttribute reports whether the toxic has an attribute, shown or at its default, or
// what may be said among them.
func (t daemonToxic) hasAttribute(name string) bool {
	if strings.HasPrefix(name, "at.") || slices.Contains([]string{"at", "connection", "connections", "seed"}, name) {
		return true
	}
	for shown := range t.Attributes {
		if strings.EqualFold(shown, name) {
			return true
		}
	}
	return slices.ContainsFunc(transport.ToxicKinds(), func(k spec.Kind) bool {
		return k.Name == t.Type && slices.ContainsFunc(k.Attributes, func(a spec.Attribute) bool { return strings.EqualFold(a.Name, name) })
	})
}

// unescape reads the escapes of Go in a text without quotes.
func unescape(text string) (string, error) {
	return strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
}

// jsonNumber is the value as JSON has it; what is no number is text.
func jsonNumber(value string) any {
	if _, err := strconv.ParseFloat(value, 64); err == nil && json.Valid([]byte(value)) {
		return json.Number(value)
	}
	return value
}
