package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// newConfig shows all proxies as `harness serve --config` and --persist take them.
func newConfig() *cobra.Command {
	cmd := daemonCommand("config", "Print the proxies of the daemon as a configuration file", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		answer, err := c.call(cmd.Context(), "GET", "/config", nil, nil)
		if err != nil {
			return err
		}
		c.json = true
		return c.show(cmd, answer, "")
	})
	cmd.Long = "Print all proxies with their toxics as harness serve --config and --persist take them.\nToxiproxy does not know this endpoint."
	cmd.Example = "  harness config >proxies.json\n  harness config save"
	cmd.AddCommand(newConfigSave())
	return cmd
}

func newConfigSave() *cobra.Command {
	return daemonCommand("save", "Have the daemon write its file (serve --persist) now", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		var saved struct {
			File    string `json:"file"`
			Proxies int    `json:"proxies"`
		}
		answer, err := c.call(cmd.Context(), "POST", "/config/save", nil, &saved)
		if err != nil {
			return err
		}
		return c.show(cmd, answer, "Saved %d proxies in %s", saved.Proxies, saved.File)
	})
}

func newReset() *cobra.Command {
	return daemonCommand("reset", "Enable every proxy, set its mode to accept, and take all toxics away", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		answer, err := c.call(cmd.Context(), "POST", "/reset", nil, nil)
		if err != nil {
			return err
		}
		return c.show(cmd, answer, "Reset all proxies")
	})
}

// A daemonConnection is one that is open, as the daemon shows it.
type daemonConnection struct {
	Proxy                string    `json:"proxy"`
	ID                   uint64    `json:"id"`
	Since                time.Time `json:"since"`
	Client, Server       daemonEnd
	Upstream, Downstream daemonFlow
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

func newConnections() *cobra.Command {
	cmd := daemonCommand("connections [PROXY]", "List the connections that are open, on all proxies or on one", cobra.MaximumNArgs(1), func(cmd *cobra.Command, c *daemonClient, args []string) error {
		path := "/connections"
		if len(args) > 0 {
			path += "?" + query("proxy", args[0])
		}
		var open []daemonConnection
		answer, err := c.call(cmd.Context(), "GET", path, nil, &open)
		if err != nil || c.json {
			return firstError(err, func() error { return c.show(cmd, answer, "") })
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) error {
			fmt.Fprintln(w, "PROXY\tID\tAGE\tCLIENT\tSERVER\tUPSTREAM\tDOWNSTREAM\tTOXICS")
			for _, o := range open {
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\t%d\t%s\n", o.Proxy, o.ID, time.Since(o.Since).Round(time.Second), o.Client, o.Server,
					o.Upstream.Sent, o.Downstream.Sent, strings.Join(append(o.Upstream.Toxics, o.Downstream.Toxics...), " "))
			}
			return nil
		})
	})
	cmd.Long = "List the connections that are open: the bytes that went each way, how a peer has ended\nits side, and the toxics that have begun to act. Toxiproxy does not know this endpoint."
	return cmd
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
