package transport

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/proxy"
)

// Limits are for how long and for how many peers a proxy waits, as the daemon
// shows them and takes them.
type Limits struct {
	Idle          int64  `json:"idle,omitempty"`
	Associations  int64  `json:"associations,omitempty"`
	HalfCloseIdle int64  `json:"half_close_idle,omitempty"`
	UpstreamDown  string `json:"upstream_down,omitempty"`
}

// forDatagrams are the flags that are not for streams.
var forDatagrams = []string{"idle", "associations"}

func (f *Flags) registerLimits(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(&f.idle, "idle", "UDP: forget a client that has sent nothing for this long, or never (default 1m)")
	flags.Int64Var(&f.Associations, "associations", 0, "UDP: maximum number of clients (default 4096)")
	flags.Var(&f.halfCloseIdle, "half-close-idle", "close a half-closed connection that has been silent for this long, or never (default 1m)")
	flags.StringVar(&f.UpstreamDown, "upstream-down", "", "what clients get when the upstream cannot be reached: close (default), reset or refuse")
	cli.CompleteFlag(cmd, "upstream-down", cobra.FixedCompletions([]string{"close", "reset", "refuse"}, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"idle", "half-close-idle"} {
		cli.CompleteFlag(cmd, name, cobra.FixedCompletions([]string{"10s", "5m", "never"}, cobra.ShellCompDirectiveNoFileComp))
	}
}

// upstreamDown is what a proxy of ours does while its upstream is down.
func (l Limits) upstreamDown() (proxy.UpstreamFailure, error) {
	switch l.UpstreamDown {
	case "", "close":
		return proxy.FailClose, nil
	case "reset":
		return proxy.FailReset, nil
	case "refuse":
		return proxy.FailRefuse, nil
	}
	return 0, cli.UsageErrorf("--upstream-down %q: want close, reset or refuse", l.UpstreamDown)
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
	return toDuration(int64(*m)).String()
}

// Type implements [pflag.Value].
func (m *milliseconds) Type() string { return "duration" }

func toDuration(milliseconds int64) time.Duration {
	return time.Duration(milliseconds) * time.Millisecond
}

// IdleTimeout is what --idle says: how long a client of datagrams may be silent.
func (f *Flags) IdleTimeout() time.Duration { return toDuration(int64(f.idle)) }
