package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
	"github.com/sockharness/harness/toxics"
)

// proxyFlags is what the user asked `harness proxy` for.
type proxyFlags struct {
	listen, upstream string
	toxics           []string
	seed             int64
	json, verbose    bool
	tlsOut           string
	reach            transportFlags
}

func newProxy() *cobra.Command {
	f := &proxyFlags{}
	cmd := &cobra.Command{
		Use:   "proxy --upstream ADDR",
		Short: "Run one proxy in the foreground and tell what happens on it",
		Long: `Run one proxy, with toxics from flags, until it is interrupted. Each thing that
happens is a line: which connection, which side, at which byte of the stream.

A toxic is written as its type and key=value pairs: attributes (see harness
toxics), direction, toxicity, connections (2, 1-3 or 4-), seed, and at.byte,
at.pattern, at.opposite (a pattern of the other direction), at.segment, at.event
or at.time for where it begins to strike.`,
		Example: `  harness proxy --listen 127.0.0.1:7001 --upstream 127.0.0.1:7000 \
    --toxic 'latency latency=100 jitter=20' --toxic 'half_close direction=downstream at.byte=93'
  harness proxy --listen udp:127.0.0.1:5300 --upstream udp:127.0.0.1:53 --toxic 'drop toxicity=0.3'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				f.seed = time.Now().UnixNano() % 1_000_000
			}
			return f.run(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.listen, "listen", "l", "127.0.0.1:0", listenUsage)
	flags.StringVarP(&f.upstream, "upstream", "u", "", upstreamUsage)
	flags.StringArrayVarP(&f.toxics, "toxic", "t", nil, "`TOXIC` to put in, such as 'latency latency=100' (may be repeated)")
	flags.Int64Var(&f.seed, "seed", 0, "seed of everything random (default: a new one, printed)")
	flags.BoolVar(&f.json, "json", false, "print events as JSON lines")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "also each piece of data that is forwarded")
	flags.StringVar(&f.tlsOut, "tls-ca-out", "", "write the certificate that makes clients trust generated ones to `FILE`")
	f.reach.register(cmd)
	require(cmd, "upstream")
	completeFlag(cmd, "toxic", suggestToxic)
	return cmd
}

func (f *proxyFlags) run(cmd *cobra.Command) error {
	start, specs, err := f.prepare(cmd.Flags().Changed("listen"))
	if err != nil {
		return err
	}
	ctx, _, release := interrupts(cmd.Context())
	defer release()
	out := newTerminal(cmd, false)
	live := newLive(f, &out)
	p, err := start(live.add)
	if err != nil {
		return broken("%w", err)
	}
	live.banner(sock.FormatAddress(p.Addr()), specs)
	if out.failed != nil {
		_ = p.Close()
		return out.err()
	}
	printed := make(chan struct{})
	go func() { defer close(printed); live.print() }()
	select {
	case <-ctx.Done():
	case <-live.deaf:
	}
	_ = p.Close()
	close(live.events)
	<-printed
	return out.err()
}

// A starter starts a proxy whose events go to the sink.
type starter func(event.Sink) (foreground, error)

// prepare checks what is asked for, before anything runs.
func (f *proxyFlags) prepare(listenGiven bool) (starter, []toxics.Spec, error) {
	datagrams, err := f.datagrams(listenGiven)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(checkListen(f.listen), f.reach.check(f.upstream)); err != nil {
		return nil, nil, err
	}
	if datagrams {
		return f.prepareDatagrams()
	}
	made, err := f.make()
	if err != nil {
		return nil, nil, err
	}
	cfg, err := f.config(made)
	var specs []toxics.Spec
	for _, t := range made {
		specs = append(specs, t.Spec)
	}
	return func(sink event.Sink) (foreground, error) {
		cfg.Events = sink
		p, err := proxy.New(cfg)
		if err == nil {
			err = p.Start(context.Background())
		}
		return p, err
	}, specs, err
}

func (f *proxyFlags) make() (made []toxics.Toxic, err error) {
	for _, text := range f.toxics {
		spec, err := toxics.ParseFlag(text)
		if err != nil {
			return nil, usage("--toxic: %v", err)
		}
		t, err := makeStream(spec)
		if err != nil {
			return nil, usage("--toxic: %v", err)
		}
		if t.Refuse && t.Connection != 0 {
			return nil, usage("--toxic %q: it refuses every connection, so that connection has no meaning", text)
		}
		made = append(made, t)
	}
	return made, nil
}

func (f *proxyFlags) config(made []toxics.Toxic) (proxy.Config, error) {
	cfg := proxy.Config{Name: "proxy", Listen: f.listen, Upstream: f.upstream, Seed: chance.New(f.seed)}
	for _, t := range made {
		cfg.Toxics = append(cfg.Toxics, proxy.Faults(t)...)
		if t.Refuse {
			cfg.Mode = proxy.Refuse
		}
		switch {
		case t.Window == wire.Window{}:
		case t.Direction == event.Upstream:
			cfg.OnListen = t.Window
		default:
			cfg.OnDial = t.Window
		}
	}
	if err := f.reach.apply(&cfg); err != nil {
		return cfg, err
	}
	var err error
	cfg.Authority, err = newAuthority("--tls-ca-out", f.tlsOut)
	return cfg, err
}

// A live prints events as they come. What the screen is too slow for is counted.
type live struct {
	flags   *proxyFlags
	out     *terminal
	start   time.Time
	events  chan event.Event
	dropped atomic.Int64
	deaf    chan struct{} // closed when nobody reads the output any more
	bytes   map[uint64]*[2]int64
}

func newLive(f *proxyFlags, out *terminal) *live {
	return &live{flags: f, out: out, start: time.Now(), events: make(chan event.Event, 1<<14), deaf: make(chan struct{}), bytes: map[uint64]*[2]int64{}}
}

// add takes an event. It does not block.
func (l *live) add(e event.Event) {
	e.At = time.Since(l.start)
	select {
	case l.events <- e:
	default:
		l.dropped.Add(1)
	}
}

func (l *live) banner(addr string, specs []toxics.Spec) {
	if l.flags.json {
		text, err := json.Marshal(map[string]any{"kind": "listen", "listen": addr, "upstream": l.flags.upstream, "seed": l.flags.seed})
		if err == nil {
			l.out.printf("%s\n", text)
		}
		return
	}
	l.out.printf("%s to %s, seed %d; ^C ends\n", addr, l.flags.upstream, l.flags.seed)
	for _, s := range specs {
		l.out.printf("  %s\n", s)
	}
}

// print writes until the events are over.
func (l *live) print() {
	for e := range l.events {
		if n := l.dropped.Swap(0); n > 0 && !l.flags.json {
			l.out.printf("%9s  %d events were too many to print\n", "", n)
		}
		if l.count(e); e.Kind == event.Bytes && !l.flags.verbose {
			continue
		}
		l.line(e)
		if l.out.failed != nil {
			close(l.deaf)
			break
		}
	}
	for range l.events {
	}
}

// count sums the bytes of a connection.
func (l *live) count(e event.Event) {
	switch e.Kind {
	case event.Accept:
		l.bytes[e.Conn] = new([2]int64)
	case event.Bytes:
		if sum := l.bytes[e.Conn]; sum != nil {
			sum[e.Direction] += e.Bytes
		}
	}
}

func (l *live) line(e event.Event) {
	if l.flags.json {
		text, err := json.Marshal(e)
		if err == nil {
			l.out.printf("%s\n", text)
		}
		return
	}
	conn := ""
	if e.Conn != 0 {
		conn = fmt.Sprintf("#%d", e.Conn)
	}
	l.out.printf("%9.3fs  %-4s %-8s %s\n", e.At.Seconds(), conn, e.Kind, l.tell(e))
}

// tell says in words what happened.
func (l *live) tell(e event.Event) string {
	var words []string
	switch e.Kind {
	case event.FIN, event.RST:
		words = append(words, fmt.Sprintf("by the %s, %s byte %d", e.Side, e.Direction, e.Offset))
	case event.Struck, event.Deliver, event.Panic, event.Abandon:
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %s byte %d", e.Toxic, e.Direction, e.Offset)))
	case event.Bytes:
		words = append(words, fmt.Sprintf("%d %s from byte %d", e.Bytes, e.Direction, e.Offset))
	case event.Close:
		if sum := l.bytes[e.Conn]; sum != nil {
			words = append(words, fmt.Sprintf("%d bytes upstream, %d downstream", sum[event.Upstream], sum[event.Downstream]))
			delete(l.bytes, e.Conn)
		}
	}
	if e.Detail != "" {
		words = append(words, e.Detail)
	}
	return strings.Join(words, ": ")
}
