package daemoncmd

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A daemonConnection is one that is open, or was, as the daemon shows it.
type daemonConnection struct {
	Proxy                string    `json:"proxy"`
	ID                   uint64    `json:"id"`
	Since                time.Time `json:"since"`
	Client, Server       daemonEnd
	Upstream, Downstream daemonFlow
	Struck               []string  `json:"struck"`
	EndedBy              string    `json:"ended_by"`
	EndedAs              string    `json:"ended_as"`
	Ended                time.Time `json:"ended"`
}

type daemonEnd struct {
	Address string `json:"address"`
	Ending  string `json:"ending"`
}

type daemonFlow struct {
	Received int64    `json:"received_bytes"`
	Sent     int64    `json:"sent_bytes"`
	Toxics   []string `json:"toxics"`
}

// connectionFilter is which connections the user means.
type connectionFilter struct{ proxy, client, server, toxic string }

func (f *connectionFilter) registerFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.client, "client", "", "only connections of this client: `HOST` or HOST:PORT")
	flags.StringVar(&f.server, "server", "", "only connections to this server: `HOST` or HOST:PORT")
	flags.StringVar(&f.toxic, "toxic", "", "only connections with the toxic `NAME`")
}

func (f *connectionFilter) encode() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"proxy": f.proxy, "client": f.client, "server": f.server, "toxic": f.toxic} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

func newConnections() *cobra.Command {
	f, closed := &connectionFilter{}, false
	cmd := daemonCommand("connections [PROXY]", "List or close the connections of all proxies, or of one", cobra.MaximumNArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		if len(args) > 0 {
			f.proxy = args[0]
		}
		query := f.encode()
		if closed {
			query.Set("closed", "true")
		}
		var list []daemonConnection
		answer, err := c.callDaemon(cmd.Context(), "GET", "/connections?"+query.Encode(), nil, &list)
		if err != nil || c.json {
			return firstError(err, func() error { return c.showReply(cmd, answer, "") })
		}
		return writeTable(cmd, func(w io.Writer) error {
			if closed {
				return writeClosed(w, list)
			}
			fmt.Fprintln(w, "PROXY\tID\tAGE\tCLIENT\tSERVER\tUPSTREAM\tDOWNSTREAM\tTOXICS")
			for _, o := range list {
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\t%d\t%s\n", o.Proxy, o.ID, time.Since(o.Since).Round(time.Second), o.Client, o.Server,
					o.Upstream.Sent, o.Downstream.Sent, strings.Join(append(o.Upstream.Toxics, o.Downstream.Toxics...), " "))
			}
			return nil
		})
	})
	cmd.Long = `List the open connections: the bytes sent each way, which peer has closed and how,
and the toxics that have taken effect. With --closed: the last 200 closed ones, with
the side that closed first, how it closed, and the toxics that struck. The commands
below close open connections. Toxiproxy's own daemon does not have these endpoints.`
	cmd.Example = "  harness connections kv\n  harness connections --closed --json\n  harness connections reset 17 18\n  harness connections half-close --stream downstream --proxy kv"
	f.registerFlags(cmd)
	cmd.Flags().BoolVar(&closed, "closed", false, "list closed connections instead of open ones")
	cmd.AddCommand(actCommands()...)
	return cmd
}

func writeClosed(w io.Writer, list []daemonConnection) error {
	fmt.Fprintln(w, "PROXY\tID\tENDED\tFIRST\tHOW\tCLIENT\tSERVER\tUPSTREAM\tDOWNSTREAM\tSTRUCK")
	for _, o := range list {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", o.Proxy, o.ID, o.Ended.Local().Format("15:04:05.000"), cmp.Or(o.EndedBy, "-"),
			cmp.Or(o.EndedAs, "-"), cmp.Or(o.Client.Address, "-"), cmp.Or(o.Server.Address, "-"), o.Upstream.Sent, o.Downstream.Sent, strings.Join(o.Struck, " "))
	}
	return nil
}

// String returns the address, and how it has ended its side, if it has.
func (e daemonEnd) String() string {
	switch {
	case e.Address == "":
		return "-"
	case e.Ending != "":
		return e.Address + " (" + e.Ending + ")"
	}
	return e.Address
}
