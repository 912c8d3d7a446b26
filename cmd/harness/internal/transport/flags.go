package transport

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/tlsconn"
)

// Flags are those of `harness create` and `harness proxy`.
type Flags struct {
	Settings
	terminate   tlsconn.Terminate
	originate   tlsconn.Originate
	tlsUpstream bool
	protocols   []string
	truncate    bool
	flags       *pflag.FlagSet

	idle, halfCloseIdle milliseconds
}

// What both commands say of their addresses.
const (
	ListenUsage   = "`ADDRESS` that clients connect to: HOST:PORT (0 picks a free one), unix:PATH or udp:HOST:PORT"
	UpstreamUsage = "`ADDRESS` of the server: HOST:PORT, unix:PATH or udp:HOST:PORT; for several servers ADDRESS,ADDRESS"
)

func (f *Flags) RegisterFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.flags = flags
	f.registerLimits(cmd)
	flags.StringVar(&f.Balance, "balance", "", "how to choose among several upstreams: in_turn (default) or random")
	flags.BoolVar(&f.Fallback, "fallback", false, "try the next upstream if one cannot be reached")
	flags.StringVar(&f.Framing, "framing", "", "where messages end, for toxics with at.frame: line, length-prefix=4, http, resp and others, as in a dialogue")
	flags.StringVar(&f.ProxyProtocol, "proxy-protocol", "", "send the client's address to the upstream: v2 (haproxy.org's PROXY protocol)")
	flags.StringVar(&f.terminate.Certificate, "tls-certificate", "", "speak TLS with clients, with the certificate in `FILE` (PEM)")
	flags.StringVar(&f.terminate.Key, "tls-key", "", "private key of the certificate, in `FILE` (PEM)")
	flags.BoolVar(&f.terminate.Generated, "tls-generated", false, "speak TLS with clients, with generated certificates")
	flags.StringSliceVar(&f.terminate.Names, "tls-name", nil, "additional `NAME` in generated certificates (repeatable)")
	flags.BoolVar(&f.tlsUpstream, "tls-upstream", false, "speak TLS with the upstream")
	flags.StringVar(&f.originate.CA, "tls-ca", "", "verify the upstream with the CA certificates in `FILE` (PEM) instead of the system's")
	flags.StringVar(&f.originate.ServerName, "tls-server-name", "", "`NAME` to verify and to send as SNI (default: the host of the upstream's address)")
	flags.BoolVar(&f.originate.Insecure, "tls-insecure", false, "do not verify the upstream's certificate")
	flags.StringSliceVar(&f.protocols, "tls-protocol", nil, "`PROTOCOL` to negotiate by ALPN, such as h2 (repeatable)")
	flags.BoolVar(&f.truncate, "tls-truncate", false, "end TLS streams without close_notify")
	cli.CompleteFlag(cmd, "balance", cobra.FixedCompletions([]string{"in_turn", "random"}, cobra.ShellCompDirectiveNoFileComp))
	cli.CompleteFlag(cmd, "proxy-protocol", cobra.FixedCompletions([]string{"v2"}, cobra.ShellCompDirectiveNoFileComp))
	pem := cobra.FixedCompletions([]string{"pem", "crt", "key"}, cobra.ShellCompDirectiveFilterFileExt)
	for _, name := range []string{"tls-certificate", "tls-key", "tls-ca"} {
		cli.CompleteFlag(cmd, name, pem)
	}
}

// forStreams are the flags that are not for datagrams, beside those of TLS.
var forStreams = []string{"balance", "fallback", "proxy-protocol", "framing", "half-close-idle", "upstream-down"}

// CheckFlags finds a flag that is given and not for the kind of proxy, and addresses
// that can be none.
func (f *Flags) CheckFlags(upstream string) error {
	datagrams := strings.HasPrefix(upstream, cli.UDPPrefix)
	var misplaced string
	f.flags.Visit(func(flag *pflag.Flag) {
		streams := strings.HasPrefix(flag.Name, "tls-") || slices.Contains(forStreams, flag.Name)
		if datagrams && streams || !datagrams && slices.Contains(forDatagrams, flag.Name) {
			misplaced = flag.Name
		}
	})
	switch {
	case misplaced != "" && datagrams:
		return cli.UsageErrorf("--%s applies to streams, and %s is a datagram address", misplaced, upstream)
	case misplaced != "":
		return cli.UsageErrorf("--%s applies to datagrams; their addresses begin with %s", misplaced, cli.UDPPrefix)
	}
	if f.Associations < 0 {
		return cli.UsageErrorf("--associations %d: want a number from 1", f.Associations)
	}
	list := strings.Split(upstream, ",")
	if len(list) > 1 && slices.ContainsFunc(list, func(a string) bool { return strings.HasPrefix(a, cli.UDPPrefix) }) {
		return cli.UsageErrorf("--upstream %s: datagrams can have one upstream only", upstream)
	}
	for _, address := range list {
		if err := cli.CheckUpstream(address); err != nil {
			return err
		}
	}
	return nil
}

// ResolveFlags returns the first upstream and what the flags say of the rest. Files are
// named as the proxy finds them, wherever it runs.
func (f *Flags) ResolveFlags(upstream string) (string, Settings, error) {
	if err := f.CheckFlags(upstream); err != nil {
		return "", Settings{}, err
	}
	t := f.Settings
	t.Idle, t.HalfCloseIdle = int64(f.idle), int64(f.halfCloseIdle)
	list := strings.Split(upstream, ",")
	if len(list) > 1 {
		t.Upstreams = list
	}
	for _, path := range []*string{&f.terminate.Certificate, &f.terminate.Key, &f.originate.CA} {
		if *path == "" {
			continue
		}
		whole, err := filepath.Abs(*path)
		if err != nil {
			return "", t, cli.UsageErrorf("%s: %v", *path, err)
		}
		*path = whole
	}
	tls := tlsconn.Config{Protocols: f.protocols, Truncate: f.truncate}
	if f.terminate.Certificate != "" || f.terminate.Key != "" || f.terminate.Generated || len(f.terminate.Names) > 0 {
		tls.Terminate = &f.terminate
	}
	if f.tlsUpstream || f.originate != (tlsconn.Originate{}) {
		tls.Originate = &f.originate
	}
	if tls.Terminate != nil || tls.Originate != nil || tls.Truncate || len(tls.Protocols) > 0 {
		t.TLS = &tls
	}
	return list[0], t, nil
}

// ApplyTo lays what the flags say over the configuration of a proxy of ours.
func (f *Flags) ApplyTo(cfg *proxy.Config) error {
	first, t, err := f.ResolveFlags(cfg.Upstream)
	if err != nil {
		return err
	}
	cfg.Upstream = first
	if len(t.Upstreams) > 1 {
		cfg.MoreUpstreams = t.Upstreams[1:]
	}
	switch t.Balance {
	case "", "in_turn":
	case "random":
		cfg.Balance.Random = true
	default:
		return cli.UsageErrorf("--balance %q: want in_turn or random", t.Balance)
	}
	switch t.ProxyProtocol {
	case "", "none":
	case "v2":
		cfg.ProxyProtocol = true
	default:
		return cli.UsageErrorf("--proxy-protocol %q: want v2", t.ProxyProtocol)
	}
	cfg.Balance.Fallback = t.Fallback
	cfg.HalfCloseIdle = toDuration(t.HalfCloseIdle)
	if cfg.UpstreamDown, err = t.upstreamDown(); err != nil {
		return err
	}
	if t.TLS == nil {
		return nil
	}
	cfg.TLS = *t.TLS
	var field *tlsconn.FieldError
	if err := cfg.TLS.CheckFiles(); errors.As(err, &field) {
		return cli.UsageErrorf("%s: %v", flagOf[field.Field], field.Err)
	}
	return nil
}
