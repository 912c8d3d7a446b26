package main

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
)

// limits are for how long and for how many peers a proxy waits, as the daemon
// shows them and takes them.
type limits struct {
	Idle          int64  `json:"idle,omitempty"`
	Associations  int64  `json:"associations,omitempty"`
	HalfCloseIdle int64  `json:"half_close_idle,omitempty"`
	UpstreamDown  string `json:"upstream_down,omitempty"`
}

// forDatagrams are the flags that are not for streams.
var forDatagrams = []string{"idle", "associations"}

func (f *transportFlags) registerLimits(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(&f.idle, "idle", "UDP: forget a client that is silent for so long; never: not at all (default 1m)")
	flags.Int64Var(&f.Associations, "associations", 0, "UDP: how many clients are known at most (default 4096)")
	flags.Var(&f.halfCloseIdle, "half-close-idle", "end a half-closed connection that is silent for so long; never: not at all (default 1m)")
	flags.StringVar(&f.UpstreamDown, "upstream-down", "", "what clients meet while no upstream is there: close (default), reset or refuse")
	completeFlag(cmd, "upstream-down", cobra.FixedCompletions([]string{"close", "reset", "refuse"}, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"idle", "half-close-idle"} {
		completeFlag(cmd, name, cobra.FixedCompletions([]string{"10s", "5m", "never"}, cobra.ShellCompDirectiveNoFileComp))
	}
}

// down is what a proxy of ours does while its upstream is down.
func (l limits) down() (proxy.Down, error) {
	switch l.UpstreamDown {
	case "", "close":
		return proxy.DownClose, nil
	case "reset":
		return proxy.DownReset, nil
	case "refuse":
		return proxy.DownRefuse, nil
	}
	return 0, usage("--upstream-down %q: want close, reset or refuse", l.UpstreamDown)
}

// A milliseconds is a flag: a duration, or -1 for never.
type milliseconds int64

// Set implements [pflag.Value].
func (m *milliseconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case text == "never":
		*m = -1
	case err != nil, d < time.Millisecond, d%time.Millisecond != 0:
		return fmt.Errorf("want whole milliseconds such as 200ms or 1m, or never")
	default:
		*m = milliseconds(d.Milliseconds())
	}
	return nil
}

// String implements [pflag.Value].
func (m *milliseconds) String() string {
	switch {
	case *m == 0:
		return ""
	case *m < 0:
		return "never"
	}
	return span(int64(*m)).String()
}

// Type implements [pflag.Value].
func (m *milliseconds) Type() string { return "duration" }

func span(milliseconds int64) time.Duration { return time.Duration(milliseconds) * time.Millisecond }

// checkUpstream finds an address that nobody can be reached by. Nothing is looked
// up but the names of services.
func checkUpstream(text string) error { return checkAddress("upstream", text, 1) }

// checkListen finds an address that nobody can listen on.
func checkListen(text string) error { return checkAddress("listen", text, 0) }

func checkAddress(flag, text string, least int) error {
	network, address, err := sock.ParseAddress(text)
	if err != nil {
		return usage("--%s %q: %s; want HOST:PORT, unix:PATH or udp:HOST:PORT", flag, text, reason(err))
	}
	if network == "unix" {
		return nil
	}
	_, name, _ := net.SplitHostPort(address)
	if port, err := net.LookupPort(network, name); err != nil || port < least {
		return usage("--%s %q: port %q must be %d to 65535, or the name of a service", flag, text, name, least)
	}
	return nil
}

// reason is an error of package net without the address, which the message has.
func reason(err error) string {
	if bad, ok := err.(*net.AddrError); ok {
		return bad.Err
	}
	return strings.TrimSpace(err.Error())
}
