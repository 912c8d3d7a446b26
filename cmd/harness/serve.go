package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/harness/api"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
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
	persist        string
	authorityOut   string
	version        bool
}

func newServe() *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon that speaks Toxiproxy's HTTP API",
		Long: `Run proxies that any client library of Toxiproxy manages, as well as harness list,
create, toxic add and so on. It ends in order, with status 0, on SIGINT or SIGTERM.

The configuration file is a JSON list of proxies, as POST /populate takes it:

  [{"name": "kv", "listen": "127.0.0.1:7001", "upstream": "127.0.0.1:7000",
    "toxics": [{"type": "half_close", "at": {"byte": 93}}]}]

Beside Toxiproxy's endpoints there are /connections, /events (server-sent),
/healthz, /config, /ca.pem, and with a metrics flag /metrics. Addresses may be
unix:PATH or udp:HOST:PORT. A proxy has a "mode" (accept, refuse, blackhole), a
"seed", "upstreams" with "balance" (in_turn, random) and "fallback",
"upstream_down" (close, reset, refuse), "half_close_idle" (ms, or -1), on UDP
"idle" (ms, or -1) and "associations", "proxy_protocol" (v2), and "tls":

  {"terminate": {"generated": true, "names": [...]} or {"certificate": FILE, "key": FILE},
   "originate": {"ca": FILE, "server_name": NAME, "insecure": false},
   "protocols": ["h2"], "truncate": false}

so that offsets mean plaintext; a toxic has "at" (byte, pattern,
opposite, segment, event, time), "connections" (2, 1-3, 4-) and "seed". What is the
same as in Toxiproxy, and what is not: harness/api/README.md.

The log is JSON lines on stdout; LOG_LEVEL is trace, debug, info (default), warn,
error or disabled. Flags may be written with one dash, as Toxiproxy has them.`,
		Example: `  harness serve --config proxies.json
  harness serve --host 0.0.0.0 --token "$TOKEN" --proxy-metrics`,
		DisableFlagParsing: true, // toxiproxy-server's have one dash
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.parse(cmd, args); errors.Is(err, pflag.ErrHelp) {
				return cmd.Help()
			} else if err != nil {
				return err
			}
			if f.version {
				return table(cmd.OutOrStdout(), func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "toxiproxy-server version %s (harness %s)\n", api.ToxiproxyVersion, version())
					return err
				})
			}
			return f.serve(cmd)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.version, "version", false, "print the release of Toxiproxy whose API this is, and end")
	flags.StringVar(&f.host, "host", "localhost", "host for the API to listen on")
	flags.StringVar(&f.port, "port", "8474", "port for the API to listen on; 0 picks a free one")
	flags.StringVar(&f.config, "config", "", "JSON `FILE` of proxies to create at the start")
	flags.StringVar(&f.persist, "persist", "", "keep `FILE` equal to the proxies that there are, as --config takes it; read at the start, without --config")
	flags.StringVar(&f.authorityOut, "tls-ca-out", "", "write the certificate that makes clients trust generated ones to `FILE` (also GET /ca.pem)")
	flags.StringVar(&f.addressFile, "address-file", "", "write the API's address to `FILE` once it answers")
	flags.Int64Var(&f.seed, "seed", 0, "seed of everything random (default: a new one, logged)")
	flags.BoolVar(&f.proxyMetrics, "proxy-metrics", false, "serve metrics of proxies and connections at /metrics")
	flags.BoolVar(&f.runtimeMetrics, "runtime-metrics", false, "serve metrics of Go and of the process at /metrics")
	flags.StringVar(&f.token, "token", os.Getenv("HARNESS_TOKEN"), "bearer token that requests must have (default $HARNESS_TOKEN)")
	flags.Lookup("token").DefValue = ""
	flags.BoolVar(&f.insecure, "insecure", false, "listen on other addresses than loopback without a token")
	flags.StringSliceVar(&f.allowHosts, "allow-host", nil, "host name that requests may be sent to, beside localhost and addresses")
	return cmd
}

// parse reads flags with one dash or two.
func (f *serveFlags) parse(cmd *cobra.Command, args []string) error {
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
		return usage("serve takes no arguments, got %q", flags.Arg(0))
	}
	if !flags.Changed("seed") {
		f.seed = time.Now().UnixNano() % 1_000_000
	}
	return nil
}

func (f *serveFlags) serve(cmd *cobra.Command) error {
	log, err := newLog(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	ctx, hard, release := interrupts(cmd.Context())
	defer release()
	listener, err := f.listen(ctx)
	if err != nil {
		return err
	}
	authority, err := newAuthority("--tls-ca-out", f.authorityOut)
	if err != nil {
		_ = listener.Close()
		return err
	}
	daemon := api.New(api.Config{Authority: authority, Persist: f.persist, Seed: f.seed, Events: logEvents(log), ProxyMetrics: f.proxyMetrics, RuntimeMetrics: f.runtimeMetrics,
		Guard: api.Guard{Token: f.token, AnyHost: f.insecure, Hosts: append(f.allowHosts, f.host)}})
	if err := f.populate(ctx, daemon, log); err != nil {
		_ = listener.Close()
		return errors.Join(err, daemon.Close())
	}
	log.Info("serving Toxiproxy's API", "address", listener.Addr().String(), "seed", f.seed)
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
			return broken("%w", err)
		}
		log.Info("ended")
		return nil
	case <-hard:
		return exitError{code: outcome.ExitInterrupted}
	}
}

// listen binds the API's port, to loopback unless the user has taken care.
func (f *serveFlags) listen(ctx context.Context) (net.Listener, error) {
	at, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(f.host, f.port))
	if err != nil {
		return nil, usage("--host %s --port %s: %v", f.host, f.port, err)
	}
	if !at.IP.IsLoopback() && f.token == "" && !f.insecure {
		return nil, usage("--host %s is not loopback: whoever reaches it could use this host's network; give --token or --insecure", f.host)
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(f.host, f.port))
	if err != nil {
		return nil, broken("API %w", err)
	}
	return listener, nil
}

func (f *serveFlags) populate(ctx context.Context, daemon *api.Daemon, log *slog.Logger) error {
	flag, name := "config", f.config
	if name == "" {
		flag, name = "persist", f.persist
	}
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if flag == "persist" && errors.Is(err, fs.ErrNotExist) {
		_, err = daemon.Populate(ctx, strings.NewReader("[]")) // it can be written, then
		if err != nil {
			return usage("--persist %s: %v", name, err)
		}
		return nil
	}
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return usage("--%s %s: %v", flag, name, err)
	}
	defer func() { _ = file.Close() }()
	n, err := daemon.Populate(ctx, file)
	var syntax *api.SyntaxError
	if errors.As(err, &syntax) {
		return usage("--%s %s:%v", flag, name, syntax)
	}
	if err != nil {
		return usage("--%s %s: %s", flag, name, strings.TrimPrefix(err.Error(), "bad request body: "))
	}
	log.Info("created the proxies of the configuration", "config", name, "proxies", n)
	return nil
}

func (f *serveFlags) writeAddress(a net.Addr) error {
	if f.addressFile == "" {
		return nil
	}
	if err := os.WriteFile(f.addressFile, []byte(a.String()+"\n"), 0o600); err != nil {
		return broken("--address-file: %w", err)
	}
	return nil
}

// levels are zerolog's names, which Toxiproxy's LOG_LEVEL has.
var levels = map[string]slog.Level{"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo, "": slog.LevelInfo,
	"warn": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError + 4, "panic": slog.LevelError + 4, "disabled": slog.LevelError + 8}

func newLog(out io.Writer) (*slog.Logger, error) {
	word := os.Getenv("LOG_LEVEL")
	level, ok := levels[strings.ToLower(word)]
	if !ok {
		return nil, usage("LOG_LEVEL %q: want trace, debug, info, warn, error or disabled", word)
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})), nil
}

// logEvents writes what happens to connections: failures always, the rest for
// who debugs.
func logEvents(log *slog.Logger) event.Sink {
	return func(e event.Event) {
		level := slog.LevelDebug
		switch {
		case e.Kind == event.Refuse && e.Conn != 0:
			level = slog.LevelWarn
		case e.Kind == event.Panic, e.Kind == event.Abandon:
			level = slog.LevelError
		}
		if log.Enabled(context.Background(), level) {
			log.Log(context.Background(), level, string(e.Kind), "proxy", e.Proxy, "conn", e.Conn, "direction", e.Direction.String(),
				"side", e.Side, "offset", e.Offset, "toxic", e.Toxic, "detail", e.Detail)
		}
	}
}

// logRequests writes a line for each request that has been answered.
func logRequests(log *slog.Logger, h http.Handler) http.Handler {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, to := time.Now(), &answered{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(to, r)
		log.Debug("request", "client", r.RemoteAddr, "method", r.Method, "url", r.URL.String(), "user_agent", r.UserAgent(),
			"status", to.status, "size", to.size, "duration", fmt.Sprint(time.Since(start)), "request_id", w.Header().Get("X-Toxiproxy-Request-Id"))
	})
}

// answered remembers what was answered.
type answered struct {
	http.ResponseWriter
	status, size int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.size += n
	return n, err
}

// Unwrap lets [http.ResponseController] find what it looks for.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
