package daemoncmd

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// newEvents follows what happens on the daemon's proxies.
func newEvents() *cobra.Command {
	var since, conn uint64
	var kinds []string
	var follow, bytes bool
	cmd := daemonCommand("events [PROXY]", "Show what has happened on the daemon's proxies, or follow it", cobra.MaximumNArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		query := url.Values{"since": {strconv.FormatUint(since, 10)}}
		if len(args) > 0 {
			query.Set("proxy", args[0])
		}
		if conn > 0 {
			query.Set("conn", strconv.FormatUint(conn, 10))
		}
		if len(kinds) > 0 {
			query.Set("kind", strings.Join(kinds, ","))
		}
		if bytes {
			query.Set("bytes", "true")
		}
		if follow {
			if !cmd.Flags().Changed("since") {
				query.Del("since")
			}
			return c.followEvents(cmd, query)
		}
		query.Set("format", "json")
		var all struct {
			Events []event.Event `json:"events"`
			Lost   *daemonGap    `json:"dropped"`
		}
		answer, err := c.callDaemon(cmd.Context(), "GET", "/events?"+query.Encode(), nil, &all)
		if err != nil || c.json {
			return firstError(err, func() error { return c.showReply(cmd, answer, "") })
		}
		var text strings.Builder
		if all.Lost != nil {
			fmt.Fprintln(&text, all.Lost)
		}
		for _, e := range all.Events {
			fmt.Fprintln(&text, eventLine(e))
		}
		return c.showReply(cmd, answer, "%s", text.String())
	})
	cmd.Long = `Show the last events of the daemon (some 4,000), or with --since those after one
event. With --follow print new events until ^C. With --json print the daemon's answer;
with --follow that is one JSON object per line. The numbers of events have no gaps:
where events were lost, a line says so. Toxiproxy does not have this endpoint.`
	cmd.Example = "  harness events --follow kv\n  harness events --kind struck,close --json\n  harness events --since 1200"
	flags := cmd.Flags()
	flags.Uint64Var(&since, "since", 0, "only events after the one of this number")
	flags.Uint64Var(&conn, "conn", 0, "only events of the connection of this number")
	flags.StringSliceVar(&kinds, "kind", nil, "only events of these kinds, such as accept, struck, close, toxic-added")
	flags.BoolVarP(&follow, "follow", "f", false, "keep running and print new events")
	flags.BoolVar(&bytes, "bytes", false, "also print an event for each piece of data")
	return cmd
}

// A daemonGap is what the daemon remembers no more.
type daemonGap struct {
	Events uint64 `json:"events"`
	First  uint64 `json:"first_id"`
	Last   uint64 `json:"last_id"`
}

// String is the line that stands for what is missing.
func (g *daemonGap) String() string {
	return fmt.Sprintf("%s are not remembered: %d to %d", plural.Count(g.Events, "event"), g.First, g.Last)
}

// followEvents prints the events as they come, until the daemon or the user ends it.
func (c *daemonClient) followEvents(cmd *cobra.Command, query url.Values) error {
	ctx, _, release := cli.NotifyInterrupts(cmd.Context())
	defer release()
	request, err := c.newRequest(ctx, "GET", "/events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return cli.HarnessErrorf("daemon at %s: %w", c.host, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		answer, _ := io.ReadAll(response.Body)
		return refusalError(response.StatusCode, answer)
	}
	return c.printStream(ctx, cmd.OutOrStdout(), response.Body)
}

// printStream prints server-sent events, a line each.
func (c *daemonClient) printStream(ctx context.Context, out io.Writer, stream io.Reader) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	kind := ""
	for lines.Scan() {
		if word, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = word
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if !c.json {
			data = streamLine(kind, data)
		}
		if _, err := fmt.Fprintln(out, data); err != nil {
			return cli.HarnessErrorf("%w", err)
		}
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil {
		return cli.HarnessErrorf("daemon at %s: %w", c.host, err)
	}
	return nil
}

// streamLine is the line of one server-sent event.
func streamLine(kind, data string) string {
	var e event.Event
	var lost daemonGap
	switch {
	case kind == "dropped" && json.Unmarshal([]byte(data), &lost) == nil:
		return lost.String()
	case json.Unmarshal([]byte(data), &e) == nil:
		return eventLine(e)
	}
	return data
}

// eventLine is an event for people: number, time, proxy, connection, and what happened.
func eventLine(e event.Event) string {
	words := []string{strconv.FormatUint(e.ID, 10), e.Time.Local().Format("15:04:05.000000"), cmp.Or(e.Proxy, "-")}
	if e.Conn > 0 {
		words = append(words, fmt.Sprintf("#%d", e.Conn))
	}
	words = append(words, string(e.Kind))
	if e.Toxic != "" {
		words = append(words, e.Toxic)
	}
	if e.Side != "" && e.Conn > 0 {
		words = append(words, "by", string(e.Side))
	}
	if e.First {
		words = append(words, "(first)")
	}
	if e.Kind.HasDirection() {
		words = append(words, e.Direction.String())
	}
	if e.Kind.HasOffset() {
		words = append(words, fmt.Sprintf("at byte %d", e.Offset))
	}
	if e.Kind == event.Bytes {
		words = append(words, plural.Count(e.Bytes, "byte"))
	}
	if e.Errno != "" {
		words = append(words, e.Errno)
	}
	if e.Detail != "" {
		words = append(words, e.Detail)
	}
	return strings.Join(words, " ")
}
