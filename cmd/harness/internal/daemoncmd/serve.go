package daemoncmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/harness/api"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/ui"
)

// serveFlags is what the user asked `harness serve` for.
type serveFlags struct {
	host, port     string
	config         string
	addressFile    string
	seed           int64
	proxyMetrics   bool
	runtimeMetrics bool
	token          string
	insecure       bool
	allowHosts     []string
	allowOrigins   []string
	persist        string
	authorityOut   string
	version        bool
	ui             bool
}

func newServe() *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon that speaks Toxiproxy's HTTP API",
		Long: `Run proxies that any client library of Toxiproxy manages, as well as harness list,
create, toxic add and so on. On SIGINT or SIGTERM it shuts down cleanly and exits 0.

The configuration file is a JSON list of proxies, the format of POST /populate:

  [{"name": "kv", "listen": "127.0.0.1:7001", "upstream": "127.0.0.1:7000",
    "toxics": [{"type": "half_close", "at": {"byte": 93}}]}]

In addition to Toxiproxy's endpoints there are /connections (lists open and closed
ones, and closes them), /events (server-sent, ?since=ID), /healthz, /config, /ca.pem,
and with a metrics flag /metrics. Addresses may be unix:PATH or udp:HOST:PORT. A proxy
has a "mode" (accept, refuse, blackhole), a "seed", "upstreams" with "balance" (in_turn, random) and "fallback",
"upstream_down" (close, reset, refuse), "half_close_idle" (ms, or -1), on UDP
"idle" (ms, or -1) and "associations", "proxy_protocol" (v2), "framing" (line,
length-prefix=4 and others, for at.frame), and "tls":

  {"terminate": {"generated": true, "names": [...]} or {"certificate": FILE, "key": FILE},
   "originate": {"ca": FILE, "server_name": NAME, "insecure": false},
   "protocols": ["h2"], "truncate": false}

With TLS, offsets count plaintext bytes. A toxic has "at" (byte, pattern,
opposite, segment, frame, event, time), "connections" (2, 1-3, 4-) and "seed";
the default of its "stream" is downstream, as in Toxiproxy. /proxies/NAME/outage
partitions a whole proxy, or fails new connections. The differences from Toxiproxy are listed in harness/api/README.md.

With --ui there is a live page for a browser: see harness/ui/README.md. Its link has
a token: the one of --token, or else a new one at each start.

The log is JSON lines on stdout; LOG_LEVEL is trace, debug, info (default), warn,
error or disabled. Flags may have one dash, as in Toxiproxy.`,
		Example: `  harness serve --config proxies.json
  harness serve --ui
  harness serve --host 0.0.0.0 --token "$TOKEN" --proxy-metrics`,
		DisableFlagParsing: true, // toxiproxy-server's have one dash
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.parseArgs(cmd, args); errors.Is(err, pflag.ErrHelp) {
				return cmd.Help()
			} else if err != nil {
				return err
			}
			if f.version {
				return cli.WriteTable(cmd.OutOrStdout(), func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "toxiproxy-server version %s (harness %s)\n", api.ToxiproxyVersion, cli.Version())
					return err
				})
			}
			return f.runDaemon(cmd)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.version, "version", false, "print the Toxiproxy release that this API is compatible with, and exit")
	flags.BoolVar(&f.ui, "ui", false, "serve a live page at /ui/ and print its link, which has a token; loopback only")
	flags.StringVar(&f.host, "host", "localhost", "host for the API to listen on")
	flags.StringVar(&f.port, "port", "8474", "port for the API to listen on; 0 picks a free one")
	flags.StringVar(&f.config, "config", "", "JSON `FILE` of proxies to create at start")
	flags.StringVar(&f.persist, "persist", "", "save all proxies to `FILE` after each change and load it at start (same format as --config)")
	flags.StringVar(&f.authorityOut, "tls-ca-out", "", "write the CA certificate of generated certificates to `FILE`, for clients to trust (also GET /ca.pem)")
	flags.StringVar(&f.addressFile, "address-file", "", "write the API's address to `FILE` once it accepts requests")
	flags.Int64Var(&f.seed, "seed", 0, "seed of all random choices (default: a new one, logged)")
	flags.BoolVar(&f.proxyMetrics, "proxy-metrics", false, "serve metrics of proxies and connections at /metrics")
	flags.BoolVar(&f.runtimeMetrics, "runtime-metrics", false, "serve metrics of Go and of the process at /metrics")
	flags.StringVar(&f.token, "token", envToken(), "bearer token that every request must carry (default $HARNESS_TOKEN, or $TOXIPROXY_AUTH_TOKEN)")
	flags.Lookup("token").DefValue = ""
	flags.BoolVar(&f.insecure, "insecure", envInsecure(), "allow a non-loopback --host without a token (default $HARNESS_INSECURE)")
	flags.Lookup("insecure").DefValue = "false"
	flags.StringSliceVar(&f.allowHosts, "allow-host", nil, "additional host name that requests may use (localhost and IP addresses are always allowed)")
	flags.StringSliceVar(&f.allowOrigins, "allow-origin", nil, "`ORIGIN` whose pages may use the API from a browser, such as http://localhost:3000 (repeatable)")
	return cmd
}

// envInsecure reports whether the environment has --insecure.
func envInsecure() bool {
	on, err := strconv.ParseBool(os.Getenv("HARNESS_INSECURE"))
	return err == nil && on
}

// checkOrigins finds an origin that no browser sends.
func (f *serveFlags) checkOrigins() error {
	for _, origin := range f.allowOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
			return cli.UsageErrorf("--allow-origin %q: want SCHEME://HOST or SCHEME://HOST:PORT, without a path", origin)
		}
	}
	return nil
}

// parseArgs reads flags with one dash or two.
func (f *serveFlags) parseArgs(cmd *cobra.Command, args []string) error {
	for i, arg := range args {
		if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' {
			args[i] = "-" + arg
		}
	}
	flags := cmd.Flags()
	cmd.InitDefaultHelpFlag()
	if err := flags.Parse(args); err != nil {
		return err
	}
	if help, _ := flags.GetBool("help"); help {
		return pflag.ErrHelp
	}
	if flags.NArg() > 0 {
		return cli.UsageErrorf("serve takes no arguments, got %q", flags.Arg(0))
	}
	if err := f.checkOrigins(); err != nil {
		return err
	}
	if !flags.Changed("seed") {
		f.seed = time.Now().UnixNano() % 1_000_000
	}
	return nil
}

func (f *serveFlags) runDaemon(cmd *cobra.Command) error {
	log, err := newLog(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	ctx, hard, release := cli.NotifyInterrupts(cmd.Context())
	defer release()
	listener, err := f.listenAPI(ctx)
	if err != nil {
		return err
	}
	pageToken, err := cli.PageToken(f.ui, f.token)
	if err != nil {
		_ = listener.Close()
		return err
	}
	authority, err := transport.NewAuthority("--tls-ca-out", f.authorityOut)
	if err != nil {
		_ = listener.Close()
		return err
	}
	daemon := api.New(api.Config{Authority: authority, Persist: f.persist, Seed: f.seed, Events: logEvents(log), ProxyMetrics: f.proxyMetrics, RuntimeMetrics: f.runtimeMetrics,
		Guard: api.Guard{Token: f.token, Page: pageToken, AnyHost: f.insecure, Hosts: append(f.allowHosts, f.host), Origins: f.allowOrigins}})
	if err := f.loadProxies(ctx, daemon, log); err != nil {
		_ = listener.Close()
		return errors.Join(err, daemon.Close())
	}
	log.Info("serving Toxiproxy's API", "address", listener.Addr().String(), "seed", f.seed)
	if f.ui {
		log.Info("serving the live page", "link", ui.Link(listener.Addr().String(), pageToken))
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	done := make(chan error, 1)
	go func() { done <- daemon.Serve(ctx, listener, logRequests(log, daemon)) }()
	unwritten := f.writeAddress(listener.Addr())
	if unwritten != nil {
		end()
	}
	select {
	case err := <-done:
		switch {
		case unwritten != nil:
			return unwritten
		case err != nil:
			return cli.HarnessErrorf("%w", err)
		}
		log.Info("ended")
		return nil
	case <-hard:
		return cli.ExitError{Code: outcome.ExitInterrupted}
	}
}

// listenAPI binds the API's port, to loopback unless the user has taken care.
func (f *serveFlags) listenAPI(ctx context.Context) (net.Listener, error) {
	at, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(f.host, f.port))
	if err != nil {
		return nil, cli.UsageErrorf("--host %s --port %s: %v", f.host, f.port, err)
	}
	if !at.IP.IsLoopback() && f.token == "" && !f.insecure {
		return nil, cli.UsageErrorf("--host %s is not a loopback address, so other machines could use this host's network; give --token or --insecure", f.host)
	}
	if !at.IP.IsLoopback() && f.ui {
		return nil, cli.UsageErrorf("--ui: the live page is for a loopback --host only, since its token crosses the network in clear; reach it by an SSH tunnel")
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(f.host, f.port))
	if err != nil {
		return nil, cli.HarnessErrorf("API %w", err)
	}
	return listener, nil
}

func (f *serveFlags) loadProxies(ctx context.Context, daemon *api.Daemon, log *slog.Logger) error {
	flag, name := "config", f.config
	if name == "" {
		flag, name = "persist", f.persist
	}
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if flag == "persist" && errors.Is(err, fs.ErrNotExist) {
		_, err = daemon.PopulateFrom(ctx, strings.NewReader("[]")) // it can be written, then
		if err != nil {
			return cli.UsageErrorf("--persist %s: %v", name, err)
		}
		return nil
	}
	if err != nil {
		return cli.UsageErrorf("--%s %s: %v", flag, name, cli.UnderlyingOSError(err))
	}
	defer func() { _ = file.Close() }()
	n, err := daemon.PopulateFrom(ctx, file)
	var syntax *api.SyntaxError
	if errors.As(err, &syntax) {
		return cli.UsageErrorf("--%s %s:%v", flag, name, syntax)
	}
	if err != nil {
		return cli.UsageErrorf("--%s %s: %s", flag, name, strings.TrimPrefix(err.Error(), "bad request body: "))
	}
	log.Info("created the proxies of the configuration", "config", name, "proxies", n)
	return nil
}

func (f *serveFlags) writeAddress(a net.Addr) error {
	if f.addressFile == "" {
		return nil
	}
	if err := os.WriteFile(f.addressFile, []byte(a.String()+"\n"), 0o600); err != nil {
		return cli.HarnessErrorf("--address-file: %w", err)
	}
	return nil
}
