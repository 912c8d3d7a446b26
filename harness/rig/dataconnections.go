package rig

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// dataConnections opens the data connections of conversations, each through a proxy of its
// own, which lives until closeAll.
type dataConnections struct {
	script *dialogue.Script
	server string                            // host of the server
	tls    tlsconn.Config                    // of the proxies of those that begin with TLS
	config func(n int) (proxy.Config, error) // of the proxy of the n-th one, from 0, but for its addresses

	mu      sync.Mutex // guards what follows
	proxies []*proxy.Proxy
	closed  bool
}

// newDataConnections returns those of a script, beside a proxy with the given TLS; nil where it
// has none.
func newDataConnections(script *dialogue.Script, server string, first tlsconn.Config, config func(n int) (proxy.Config, error)) *dataConnections {
	if script == nil || script.ConnectionCount() == 0 {
		return nil
	}
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		host = "127.0.0.1"
	}
	return &dataConnections{script: script, server: host, tls: dataTLS(first), config: config}
}

// addTo adds how data connections are opened. A nil receiver leaves that to the player.
func (d *dataConnections) addTo(o dialogue.Options) dialogue.Options {
	if d != nil {
		o.Connect, o.Listen = d.connect, d.listen
	}
	return o
}

// connect connects to a port that the server has told.
func (d *dataConnections) connect(ctx context.Context, n, port int) (dialogue.Conn, error) {
	px, err := d.start(ctx, n, net.JoinHostPort(d.server, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return dial(ctx, sock.FormatAddress(px.Addr()))
}

// portTries bounds how many proxies are started until one has a port of the usual digits.
const portTries = 50

// listen opens a port behind a proxy whose port the client is told.
func (d *dataConnections) listen(ctx context.Context, n int) (*dialogue.DataPort, error) {
	l, err := dialogue.ListenForData(ctx, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	for range portTries {
		px, err := d.start(ctx, n, l.Addr().String())
		if err != nil {
			l.Close()
			return nil, err
		}
		if dialogue.EvenPort(px.Addr()) {
			return &dialogue.DataPort{Listener: l, Number: px.Addr().(*net.TCPAddr).Port}, nil
		}
	}
	l.Close()
	return nil, errors.New("data connection: no port of the usual digits is free")
}

// start starts a proxy before the upstream.
func (d *dataConnections) start(ctx context.Context, n int, upstream string) (*proxy.Proxy, error) {
	config, err := d.config(n)
	if err != nil {
		return nil, err
	}
	config.Listen, config.Upstream = "127.0.0.1:0", upstream
	if d.script.SecuresData(n) {
		config.TLS = d.tls
	}
	px, err := proxy.New(config)
	if err == nil {
		err = px.Start(ctx)
	}
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		px.Close()
		return nil, net.ErrClosed
	}
	d.proxies = append(d.proxies, px)
	return px, nil
}

// closeAll closes the proxies; it may be called more than once, and on nil.
func (d *dataConnections) closeAll() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, px := range d.proxies {
		px.Close()
	}
	d.proxies = nil
}
