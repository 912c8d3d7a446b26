package proxycmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/harness/api"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/ui"
	"github.com/sockharness/harness/toxics/spec"
)

// A liveProxy is one that a daemon of its own runs, for its live page.
type liveProxy struct {
	address addressText
	link    string
	stop    func() error
	files   *connectionFiles // nil: none are written
}

// An addressText is an address as the daemon writes it.
type addressText string

func (a addressText) Network() string { return "tcp" }
func (a addressText) String() string  { return string(a) }

// Addr implements foreground.
func (l *liveProxy) Addr() net.Addr { return l.address }

// Close implements foreground.
func (l *liveProxy) Close() error {
	err := l.stop()
	if l.files != nil {
		l.files.writing.Wait()
	}
	return err
}

// prepareLive checks what is asked for, and has a daemon run it.
func (f *proxyFlags) prepareLive(datagrams bool) (starter, []spec.Spec, error) {
	var specs []spec.Spec
	bodies := []any{}
	err := f.eachToxic(func(spec spec.Spec) error {
		spec.At = spec.At.WithFraming(f.transport.Framing)
		spec, err := completeSpec(spec, datagrams)
		if err != nil {
			return err
		}
		specs, bodies = append(specs, spec), append(bodies, transport.ToxicBody(spec))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	first, settings, err := f.transport.ResolveFlags(f.upstream)
	if err != nil {
		return nil, nil, err
	}
	authority, err := transport.NewAuthority("--tls-ca-out", f.tlsOut)
	if err != nil {
		return nil, nil, err
	}
	list, err := json.Marshal([]any{struct {
		Name     string `json:"name"`
		Listen   string `json:"listen"`
		Upstream string `json:"upstream"`
		Seed     int64  `json:"seed"`
		Toxics   []any  `json:"toxics"`
		Enabled  bool   `json:"enabled"`
		transport.Settings
	}{"proxy", f.listen, first, f.seed, bodies, true, settings}})
	if err != nil {
		return nil, nil, cli.HarnessErrorf("proxy encode: %w", err)
	}
	return func(sink event.Sink) (foreground, error) {
		files, record, sink := f.recordConnections(sink)
		live, err := startLive(list, api.Config{Seed: f.seed, Events: sink, ByteEvents: true, Record: record, Authority: authority})
		if err != nil {
			return nil, err
		}
		live.files = files
		return live, nil
	}, specs, nil
}

// completeSpec checks a toxic and fills in its attributes.
func completeSpec(spec spec.Spec, datagrams bool) (spec.Spec, error) {
	if datagrams {
		made, err := datagram.MakeToxic(spec)
		return made.Spec, err
	}
	made, err := makeStream(spec)
	return made.Spec, err
}

// startLive starts the daemon, its one proxy and the page.
func startLive(list []byte, cfg api.Config) (*liveProxy, error) {
	token, err := cli.PageToken(true, "")
	if err != nil {
		return nil, err
	}
	cfg.Guard.Page = token
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	listener, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	daemon := api.New(cfg)
	if _, err := daemon.PopulateFrom(context.Background(), bytes.NewReader(list)); err != nil {
		return nil, errors.Join(errors.New(strings.TrimPrefix(err.Error(), "bad request body: ")), listener.Close(), daemon.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- daemon.Serve(ctx, listener, daemon) }()
	stop := func() error { cancel(); return <-over }
	return &liveProxy{address: addressText(daemon.ListenAddresses()["proxy"]), link: ui.Link(listener.Addr().String(), token), stop: stop}, nil
}
