package daemoncmd

import (
	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/plural"
)

// newConfig shows all proxies as `harness serve --config` and --persist take them.
func newConfig() *cobra.Command {
	cmd := daemonCommand("config", "Print the proxies of the daemon as a configuration file", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		answer, err := c.callDaemon(cmd.Context(), "GET", "/config", nil, nil)
		if err != nil {
			return err
		}
		c.json = true
		return c.showReply(cmd, answer, "")
	})
	cmd.Long = "Print all proxies with their toxics, in the format of harness serve --config and --persist.\nToxiproxy's own daemon does not have this endpoint."
	cmd.Example = "  harness config >proxies.json\n  harness config save"
	cmd.AddCommand(newConfigSave())
	return cmd
}

func newConfigSave() *cobra.Command {
	return daemonCommand("save", "Write the daemon's file (serve --persist) now", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		var saved struct {
			File    string `json:"file"`
			Proxies int    `json:"proxies"`
		}
		answer, err := c.callDaemon(cmd.Context(), "POST", "/config/save", nil, &saved)
		if err != nil {
			return err
		}
		return c.showReply(cmd, answer, "Saved %s in %s", plural.Count(saved.Proxies, "proxy"), saved.File)
	})
}

func newReset() *cobra.Command {
	return daemonCommand("reset", "Enable every proxy, set its mode to accept, and remove all toxics", cobra.NoArgs, func(cmd *cobra.Command, c *daemonClient, _ []string) error {
		answer, err := c.callDaemon(cmd.Context(), "POST", "/reset", nil, nil)
		if err != nil {
			return err
		}
		return c.showReply(cmd, answer, "Reset all proxies")
	})
}
