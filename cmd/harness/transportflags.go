package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/harness/proxy"
)

// A transport is how a proxy reaches its peers, as the daemon shows it and takes it.
type transport struct {
	Upstreams     []string   `json:"upstreams,omitempty"`
	Balance       string     `json:"balance,omitempty"`
	Fallback      bool       `json:"fallback,omitempty"`
	TLS           *proxy.TLS `json:"tls,omitempty"`
	ProxyProtocol string     `json:"proxy_protocol,omitempty"`
	limits
}

// transportFlags are those of `harness create` and `harness proxy`.
type transportFlags struct {
	transport
	terminate   proxy.Terminate
	originate   proxy.Originate
	tlsUpstream bool
	protocols   []string
	truncate    bool
	flags       *pflag.FlagSet

	idle, halfCloseIdle milliseconds
}

// What both commands say of their addresses.
const (
	listenUsage   = "`ADDRESS` that clients connect to: HOST:PORT (0 picks a free one), unix:PATH or udp:HOST:PORT"
	upstreamUsage = "`ADDRESS` of the server: HOST:PORT, unix:PATH or udp:HOST:PORT; of several servers, ADDRESS,ADDRESS"
)

func (f *transportFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.flags = flags
	f.registerLimits(cmd)
	flags.StringVar(&f.Balance, "balance", "", "how several upstreams are taken: in_turn (default) or random")
	flags.BoolVar(&f.Fallback, "fallback", false, "take the next upstream when one cannot be reached")
	flags.StringVar(&f.ProxyProtocol, "proxy-protocol", "", "tell the upstream who its client is: v2 (haproxy.org's PROXY protocol)")
	flags.StringVar(&f.terminate.Certificate, "tls-certificate", "", "speak TLS with clients, with the certificate in `FILE` (PEM)")
	flags.StringVar(&f.terminate.Key, "tls-key", "", "key of the certificate, in `FILE` (PEM)")
	flags.BoolVar(&f.terminate.Generated, "tls-generated", false, "speak TLS with clients, with generated certificates")
	flags.StringSliceVar(&f.terminate.Names, "tls-name", nil, "`NAME` in generated certificates, beside the one asked for (may be repeated)")
	flags.BoolVar(&f.tlsUpstream, "tls-upstream", false, "speak TLS with the upstream")
	flags.StringVar(&f.originate.CA, "tls-ca", "", "trust the upstream by the certificates in `FILE` (PEM) instead of the system's")
	flags.StringVar(&f.originate.ServerName, "tls-server-name", "", "`NAME` of the upstream, if it is not the host of its address")
	flags.BoolVar(&f.originate.Insecure, "tls-insecure", false, "trust whoever the upstream is")
	flags.StringSliceVar(&f.protocols, "tls-protocol", nil, "`PROTOCOL` to agree to within TLS, such as h2 (may be repeated)")
	flags.BoolVar(&f.truncate, "tls-truncate", false, "end streams without close_notify")
	completeFlag(cmd, "balance", cobra.FixedCompletions([]string{"in_turn", "random"}, cobra.ShellCompDirectiveNoFileComp))
	completeFlag(cmd, "proxy-protocol", cobra.FixedCompletions([]string{"v2"}, cobra.ShellCompDirectiveNoFileComp))
	pem := cobra.FixedCompletions([]string{"pem", "crt", "key"}, cobra.ShellCompDirectiveFilterFileExt)
	for _, name := range []string{"tls-certificate", "tls-key", "tls-ca"} {
		completeFlag(cmd, name, pem)
	}
}

// forStreams are the flags that are not for datagrams, beside those of TLS.
var forStreams = []string{"balance", "fallback", "proxy-protocol", "half-close-idle", "upstream-down"}

// check finds a flag that is given and not for the kind of proxy, and addresses
// that can be none.
func (f *transportFlags) check(upstream string) error {
	datagrams := strings.HasPrefix(upstream, udp)
	var misplaced string
	f.flags.Visit(func(flag *pflag.Flag) {
		streams := strings.HasPrefix(flag.Name, "tls-") || slices.Contains(forStreams, flag.Name)
		if datagrams && streams || !datagrams && slices.Contains(forDatagrams, flag.Name) {
			misplaced = flag.Name
		}
	})
	switch {
	case misplaced != "" && datagrams:
		return usage("--%s is for streams, and %s is of datagrams", misplaced, upstream)
	case misplaced != "":
		return usage("--%s is for datagrams, whose addresses begin with %s", misplaced, udp)
	}
	if f.Associations < 0 {
		return usage("--associations %d: want a number from 1", f.Associations)
	}
	list := strings.Split(upstream, ",")
	if len(list) > 1 && slices.ContainsFunc(list, func(a string) bool { return strings.HasPrefix(a, udp) }) {
		return usage("--upstream %s: several upstreams are for streams, and there is one of datagrams among them", upstream)
	}
	for _, address := range list {
		if err := checkUpstream(address); err != nil {
			return err
		}
	}
	return nil
}

// resolve returns the first upstream and what the flags say of the rest. Files are
// named as whoever reads them finds them, wherever that runs.
func (f *transportFlags) resolve(upstream string) (string, transport, error) {
	if err := f.check(upstream); err != nil {
		return "", transport{}, err
	}
	t := f.transport
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
			return "", t, usage("%s: %v", *path, err)
		}
		*path = whole
	}
	tls := proxy.TLS{Protocols: f.protocols, Truncate: f.truncate}
	if f.terminate.Certificate != "" || f.terminate.Key != "" || f.terminate.Generated || len(f.terminate.Names) > 0 {
		tls.Terminate = &f.terminate
	}
	if f.tlsUpstream || f.originate != (proxy.Originate{}) {
		tls.Originate = &f.originate
	}
	if tls.Terminate != nil || tls.Originate != nil || tls.Truncate || len(tls.Protocols) > 0 {
		t.TLS = &tls
	}
	return list[0], t, nil
}

// flagOf names the flag that an attribute of TLS came from.
var flagOf = map[string]string{"terminate": "--tls-certificate, --tls-key, --tls-generated", "terminate.certificate": "--tls-certificate",
	"terminate.key": "--tls-key", "terminate.names": "--tls-name", "originate.ca": "--tls-ca", "originate.server_name": "--tls-server-name",
	"protocols": "--tls-protocol"}

// apply lays what the flags say over the configuration of a proxy of ours.
func (f *transportFlags) apply(cfg *proxy.Config) error {
	first, t, err := f.resolve(cfg.Upstream)
	if err != nil {
		return err
	}
	cfg.Upstream = first
	if len(t.Upstreams) > 1 {
		cfg.Others = t.Upstreams[1:]
	}
	switch t.Balance {
	case "", "in_turn":
	case "random":
		cfg.Balance.Random = true
	default:
		return usage("--balance %q: want in_turn or random", t.Balance)
	}
	switch t.ProxyProtocol {
	case "", "none":
	case "v2":
		cfg.ProxyProtocol = true
	default:
		return usage("--proxy-protocol %q: want v2", t.ProxyProtocol)
	}
	cfg.Balance.Fallback = t.Fallback
	cfg.HalfCloseIdle = span(t.HalfCloseIdle)
	if cfg.UpstreamDown, err = t.down(); err != nil {
		return err
	}
	if t.TLS == nil {
		return nil
	}
	cfg.TLS = *t.TLS
	var field *proxy.FieldError
	if err := cfg.TLS.Check(); errors.As(err, &field) {
		return usage("%s: %v", flagOf[field.Field], field.Err)
	}
	return nil
}

// newAuthority makes the authority of generated certificates and writes its own
// into a file, unless that has no name.
func newAuthority(flag, file string) (*proxy.Authority, error) {
	authority, err := proxy.NewAuthority()
	if err != nil {
		return nil, broken("%w", err)
	}
	if file == "" {
		return authority, nil
	}
	if err := os.WriteFile(file, authority.PEM(), 0o644); err != nil {
		return nil, usage("%s: %v", flag, err)
	}
	return authority, nil
}

// words says in a few words what is unusual.
func (t transport) words() string {
	var words []string
	add := func(on bool, format string, args ...any) {
		if on {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	if len(t.Upstreams) > 1 {
		add(t.Balance == "random", "at random")
		add(t.Balance != "random", "in turn")
		add(t.Fallback, "or the next one")
	}
	add(t.ProxyProtocol != "", "PROXY %s", t.ProxyProtocol)
	if t.TLS != nil {
		add(t.TLS.Terminate != nil, "TLS with clients")
		add(t.TLS.Originate != nil, "TLS with the upstream")
	}
	if len(words) == 0 {
		return ""
	}
	return ", " + strings.Join(words, ", ")
}

// to writes where connections go.
func (t transport) to(upstream string) string {
	if len(t.Upstreams) > 1 {
		return strings.Join(t.Upstreams, ",")
	}
	return upstream
}
