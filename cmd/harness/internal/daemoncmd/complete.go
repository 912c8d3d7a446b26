package daemoncmd

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/toxics/spec"
)

// completionPatience bounds what a shell waits for the daemon.
const completionPatience = time.Second

func (c *daemonClient) proxyNames(*cobra.Command) []string {
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	var all map[string]daemonProxy
	if _, err := c.callDaemon(ctx, "GET", "/proxies", nil, &all); err != nil {
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
		names = append(names, t.Name+"\t"+t.Stream+" "+t.Type+" "+t.formatSettings())
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
	if _, err := c.callDaemon(ctx, "GET", proxyPath(cmd.Flags().Arg(0)), nil, &p); err != nil {
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

// suggestAttributes offers those of the type that was given, or of all.
func (f *toxicFlags) suggestAttributes(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return transport.CompleteAttributes(f.kindOf(cmd), word)
}

// suggestTrigger offers what a trigger may be, and the events by name.
func suggestTrigger(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.HasPrefix(word, "event=") {
		var words []string
		for _, name := range spec.TriggerEvents() {
			words = append(words, "event="+name)
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, field := range spec.TriggerFields() {
		words = append(words, field+"=")
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
