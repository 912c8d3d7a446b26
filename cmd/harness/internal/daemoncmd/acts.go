package daemoncmd

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/toxics"
)

// An act is what a command does to open connections.
type act struct {
	use, short, verb string
	stream           bool // there may be --stream
	needsStream      bool
	place            bool // there may be --at and --next
	toxic            bool // there must be --add

	filter   connectionFilter
	all      bool
	streamed string
	at, next int64
	reason   string
	spec     string
}

// actCommands are the acts, and what shows the bytes.
func actCommands() []*cobra.Command {
	list := []*act{
		{use: "end", short: "Close connections with FIN to both sides", verb: "end", stream: true, place: true},
		{use: "reset", short: "Reset connections (RST to both sides)", verb: "reset", stream: true, place: true},
		{use: "half-close", short: "Close one direction of connections with FIN and keep the other one open", verb: "half_close", stream: true, needsStream: true, place: true},
		{use: "stall", short: "Forward nothing on connections until they are resumed", verb: "stall", stream: true, place: true},
		{use: "resume", short: "Forward again what was stalled", verb: "resume", stream: true},
		{use: "record", short: "Record the bytes of connections from now on; see connections stream", verb: "record"},
		{use: "add-toxic", short: "Put a toxic on connections, and on no new ones", verb: "toxics", toxic: true},
	}
	var made []*cobra.Command
	for _, a := range list {
		made = append(made, a.command())
	}
	return append(made, newStream())
}

func (a *act) command() *cobra.Command {
	cmd := daemonCommand(a.use+" [ID...]", a.short, cobra.ArbitraryArgs, a.run)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	a.filter.registerFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&a.filter.proxy, "proxy", "", "only those of the proxy of this `NAME`")
	flags.BoolVar(&a.all, "all", false, "all connections of all proxies")
	flags.StringVar(&a.reason, "reason", "", "`TEXT` for the daemon's log")
	if a.stream {
		flags.StringVar(&a.streamed, "stream", "", "upstream: what goes to the server; downstream: what goes to the client")
		cli.CompleteFlag(cmd, "stream", cobra.FixedCompletions([]string{"upstream", "downstream"}, cobra.ShellCompDirectiveNoFileComp))
	}
	if a.needsStream {
		cli.RequireFlags(cmd, "stream")
	}
	if a.place {
		flags.Int64Var(&a.at, "at", 0, "not now, but before the byte of this `OFFSET` of the stream")
		flags.Int64Var(&a.next, "next", 0, "not now, but after `N` more bytes of the stream")
		cmd.MarkFlagsMutuallyExclusive("at", "next")
	}
	if a.toxic {
		flags.StringVar(&a.spec, "add", "", "`TOXIC` to add, such as 'latency latency=100'; see harness proxy --help")
		cli.RequireFlags(cmd, "add")
	}
	return cmd
}

// query is what the flags say, without which connections are meant.
func (a *act) query(cmd *cobra.Command) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"stream": a.streamed, "reason": a.reason} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, value := range map[string]int64{"at": a.at, "next": a.next} {
		if cmd.Flags().Changed(name) {
			query.Set(name, strconv.FormatInt(value, 10))
		}
	}
	return query
}

func (a *act) run(cmd *cobra.Command, c *daemonClient, ids []string) error {
	filter := a.filter.encode()
	switch filtered := len(filter) > 0; {
	case len(ids) > 0 && (filtered || a.all):
		return cli.UsageErrorf("give numbers of connections or a filter, not both")
	case len(ids) == 0 && !filtered && !a.all:
		return cli.UsageErrorf("which connections? give their numbers, --proxy, --client, --server, --toxic, or --all")
	}
	body, err := a.body()
	if err != nil {
		return err
	}
	query := a.query(cmd)
	paths := []string{"/connections/" + a.verb}
	if len(ids) > 0 {
		paths = nil
		for _, id := range ids {
			paths = append(paths, "/connections/"+url.PathEscape(id)+"/"+a.verb)
		}
	}
	for name, values := range filter {
		query[name] = values
	}
	acted := []uint64{}
	for _, path := range paths {
		var done struct {
			Connections []uint64 `json:"connections"`
		}
		if _, err := c.callDaemon(cmd.Context(), "POST", path+"?"+query.Encode(), body, &done); err != nil {
			return err
		}
		acted = append(acted, done.Connections...)
	}
	answer, err := json.Marshal(map[string]any{a.countName(): len(acted), "connections": acted})
	if err != nil {
		return cli.HarnessErrorf("answer encode: %w", err)
	}
	return c.showReply(cmd, answer, "Connections: %d", len(acted))
}

// countName is how the daemon calls the count of an act.
func (a *act) countName() string {
	switch a.verb {
	case "end", "reset", "half_close":
		return "ended"
	}
	return "acted"
}

// body is the toxic, for the act that adds one.
func (a *act) body() (any, error) {
	if !a.toxic {
		return nil, nil
	}
	spec, err := toxics.ParseFlag(a.spec)
	if err == nil {
		var made toxics.Toxic
		made, err = toxics.MakeToxic(spec)
		spec = made.Spec
	}
	if err != nil {
		return nil, cli.UsageErrorf("--add: %v", err)
	}
	return transport.ToxicBody(spec), nil
}

// newStream writes what was recorded of one direction of a connection.
func newStream() *cobra.Command {
	var stream string
	cmd := daemonCommand("stream ID --stream DIRECTION", "Write the recorded bytes of a connection to standard output", cobra.ExactArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		for from := int64(0); ; {
			var part struct {
				From, Next int64
				Bytes      []byte
			}
			query := url.Values{"stream": {stream}, "from": {strconv.FormatInt(from, 10)}}
			answer, err := c.callDaemon(cmd.Context(), "GET", "/connections/"+url.PathEscape(args[0])+"/stream?"+query.Encode(), nil, &part)
			if err != nil || c.json {
				return firstError(err, func() error { return c.showReply(cmd, answer, "") })
			}
			if _, err := cmd.OutOrStdout().Write(part.Bytes); err != nil {
				return cli.HarnessErrorf("%w", err)
			}
			if from = part.From + int64(len(part.Bytes)); from >= part.Next || len(part.Bytes) == 0 {
				return nil
			}
		}
	})
	cmd.Long = "Write what is kept of one direction of a recorded connection: the last 128 KiB of\nwhat its peer has sent. With --json the first part with offsets and times."
	cmd.Flags().StringVar(&stream, "stream", "downstream", "upstream: what the client has sent; downstream: what the server has sent")
	cli.CompleteFlag(cmd, "stream", cobra.FixedCompletions([]string{"upstream", "downstream"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
