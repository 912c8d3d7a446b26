// Package proxycmd is `harness proxy`: one proxy in the foreground, of streams or
// of datagrams, with toxics from flags and a line for each event.
//
//	root.AddCommand(proxycmd.Commands()...)
package proxycmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// Commands returns proxy.
func Commands() []*cobra.Command { return []*cobra.Command{newProxy()} }

// proxyFlags is what the user asked `harness proxy` for.
type proxyFlags struct {
	listen, upstream string
	toxics           []string
	seed             int64
	json, verbose    bool
	tlsOut           string
	schedule         string // fingerprint of what is random
	pcap             string
	transport        transport.Flags
	ui               bool
}

func newProxy() *cobra.Command {
	f := &proxyFlags{}
	cmd := &cobra.Command{
		Use:   "proxy --upstream ADDR",
		Short: "Run one proxy in the foreground and print its events",
		Long: `Run one proxy, with toxics from flags, until it is interrupted. Each event is one
line: the connection, the side, and the byte offset in the stream.

A toxic is written as its type and key=value pairs: attributes (see harness
toxics), direction, toxicity, connections (2, 1-3 or 4-), seed, and at.byte,
at.pattern, at.opposite (a pattern in the other direction), at.segment, at.frame
(3+2: in the third message, after two bytes), at.event or at.time, which say where
it strikes first. Its direction is downstream unless given.`,
		Example: `  harness proxy --listen 127.0.0.1:7001 --upstream 127.0.0.1:7000 \
    --toxic 'latency latency=100 jitter=20' --toxic 'half_close direction=downstream at.byte=93'
  harness proxy --listen udp:127.0.0.1:5300 --upstream udp:127.0.0.1:53 --toxic 'drop toxicity=0.3'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				f.seed = time.Now().UnixNano() % 1_000_000
			}
			return f.runProxy(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.listen, "listen", "l", "127.0.0.1:0", transport.ListenUsage)
	flags.StringVarP(&f.upstream, "upstream", "u", "", transport.UpstreamUsage)
	flags.StringArrayVarP(&f.toxics, "toxic", "t", nil, "`TOXIC` to add, such as 'latency latency=100' (repeatable)")
	flags.Int64Var(&f.seed, "seed", 0, "seed of all random choices (default: a new one, printed)")
	flags.BoolVar(&f.json, "json", false, "print events as JSON lines")
	flags.BoolVar(&f.ui, "ui", false, "serve a live page on a loopback port and print its link; see harness/ui/README.md")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "also print each piece of forwarded data")
	flags.StringVar(&f.tlsOut, "tls-ca-out", "", "write the CA certificate of generated certificates to `FILE`, for clients to trust")
	flags.StringVar(&f.pcap, "pcap", "", "write what passes as pcapng files into `DIR`, one for each connection that is over")
	f.transport.RegisterFlags(cmd)
	cli.RequireFlags(cmd, "upstream")
	cli.CompleteFlag(cmd, "toxic", transport.CompleteToxic)
	return cmd
}

func (f *proxyFlags) runProxy(cmd *cobra.Command) error {
	start, specs, err := f.prepareProxy(cmd.Flags().Changed("listen"))
	if err != nil {
		return err
	}
	ctx, _, release := cli.NotifyInterrupts(cmd.Context())
	defer release()
	out := cli.NewTerminal(cmd, false)
	live := newEventPrinter(f, &out)
	p, err := start(live.addEvent)
	if err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	live.printBanner(sock.FormatAddress(p.Addr()), specs)
	if l, ok := p.(*liveProxy); ok {
		live.printLink(l.link)
	}
	if out.Failed != nil {
		_ = p.Close()
		return out.Err()
	}
	printed := make(chan struct{})
	go func() { defer close(printed); live.printLoop() }()
	select {
	case <-ctx.Done():
	case <-live.outputClosed:
	}
	_ = p.Close()
	close(live.events)
	<-printed
	return out.Err()
}

// A starter starts a proxy whose events go to the sink.
type starter func(event.Sink) (foreground, error)

// prepareProxy checks what is asked for, before anything runs.
func (f *proxyFlags) prepareProxy(listenGiven bool) (starter, []spec.Spec, error) {
	datagrams, err := f.isDatagrams(listenGiven)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(cli.CheckListen(f.listen), f.transport.CheckFlags(f.upstream), cli.CheckFolder("pcap", f.pcap)); err != nil {
		return nil, nil, err
	}
	if f.ui {
		return f.prepareLive(datagrams)
	}
	if datagrams {
		return f.prepareDatagrams()
	}
	made, err := f.makeToxics()
	if err != nil {
		return nil, nil, err
	}
	cfg, err := f.proxyConfig(made)
	f.schedule = cfg.FingerprintSpecs(made)
	var specs []spec.Spec
	for _, t := range made {
		specs = append(specs, t.Spec)
	}
	return func(sink event.Sink) (foreground, error) {
		var files *connectionFiles
		files, cfg.Record, cfg.Events = f.recordConnections(sink)
		p, err := proxy.New(cfg)
		if err == nil {
			err = p.Start(context.Background())
		}
		return withFiles(p, files, err)
	}, specs, err
}

func (f *proxyFlags) makeToxics() (made []toxics.Toxic, err error) {
	err = f.eachToxic(func(spec spec.Spec) error {
		spec.At = spec.At.WithFraming(f.transport.Framing)
		t, err := makeStream(spec)
		made = append(made, t)
		return err
	})
	return made, err
}

// eachToxic parses the toxics that are asked for, and hands each of them to add.
func (f *proxyFlags) eachToxic(add func(spec.Spec) error) error {
	for _, text := range f.toxics {
		spec, err := toxics.ParseFlag(text)
		if err == nil {
			err = add(spec)
		}
		if err != nil {
			return cli.UsageErrorf("--toxic: %v", err)
		}
	}
	return nil
}

func (f *proxyFlags) proxyConfig(made []toxics.Toxic) (proxy.Config, error) {
	cfg := proxy.Config{Name: "proxy", Listen: f.listen, Upstream: f.upstream, Seed: seed.New(f.seed)}
	for _, t := range made {
		if !t.Refuse {
			cfg.Toxics = append(cfg.Toxics, proxy.FromToxic(t)...)
		} else {
			cfg.Mode = proxy.Refuse
		}
	}
	if err := f.transport.ApplyTo(&cfg); err != nil {
		return cfg, err
	}
	var err error
	cfg.Authority, err = transport.NewAuthority("--tls-ca-out", f.tlsOut)
	return cfg, err
}

// A foreground is a proxy that runs until its command is interrupted.
type foreground interface {
	Addr() net.Addr
	Close() error
}

// makeStream makes a toxic of a proxy of streams.
func makeStream(spec spec.Spec) (toxics.Toxic, error) {
	_, stream := toxics.FindKind(spec.Type)
	if _, ok := datagram.FindKind(spec.Type); ok && !stream {
		return toxics.Toxic{}, fmt.Errorf("toxic %s: works on datagrams only, and this proxy forwards streams", spec.Type)
	}
	return toxics.MakeToxic(spec)
}
