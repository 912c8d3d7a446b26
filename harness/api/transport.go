package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
)

// maxUpstreams bounds how many upstreams a proxy may have.
const maxUpstreams = 256

// A transport is how a proxy reaches its peers, beyond Toxiproxy's listen and
// upstream. The API shows it and takes it with the same fields, those of streams
// first.
type transport struct {
	Upstreams     []string   `json:"upstreams,omitempty"` // two or more; the first one is shown as upstream too
	Balance       string     `json:"balance,omitempty"`   // "in_turn", which is "", or "random"
	Fallback      bool       `json:"fallback,omitempty"`
	TLS           *proxy.TLS `json:"tls,omitempty"`
	ProxyProtocol string     `json:"proxy_protocol,omitempty"` // "" or "v2"
	limits
}

// The words of a transport.
const (
	balanceInTurn = "in_turn"
	balanceRandom = "random"
	headerV2      = "v2"
	headerNone    = "none"
)

// transportInput is what a client sends of a transport. Null is as good as
// absent, as everywhere; an empty list, object or word takes away what was.
type transportInput struct {
	Upstreams     *[]string       `json:"upstreams"`
	Balance       *string         `json:"balance"`
	Fallback      *bool           `json:"fallback"`
	TLS           json.RawMessage `json:"tls"`
	ProxyProtocol *string         `json:"proxy_protocol"`
	limitsInput
}

// transport lays the input over the wish, whose addresses are the new ones but
// for the list of upstreams. Was is the upstream before.
func (in proxyInput) transport(w wish, was string) (wish, error) {
	w, err := in.upstreams(w, was)
	if err != nil {
		return w, err
	}
	t := &w.transport
	if in.Fallback != nil {
		t.Fallback = *in.Fallback
	}
	if t.Balance, err = choose("balance", in.Balance, t.Balance, balanceInTurn, balanceRandom); err != nil {
		return w, err
	}
	if t.ProxyProtocol, err = choose("proxy_protocol", in.ProxyProtocol, t.ProxyProtocol, headerNone, headerV2); err != nil {
		return w, err
	}
	if given(in.TLS) {
		if t.TLS, err = readTLS(in.TLS); err != nil {
			return w, err
		}
	}
	if t.limits, err = in.limitsInput.over(t.limits); err != nil {
		return w, err
	}
	if w.datagrams() && !t.equal(transport{limits: t.limits}) {
		return w, badBodyf("upstreams, balance, fallback, tls and proxy_protocol are for streams, and %s is of datagrams", quoted(w.listen))
	}
	return w, t.limits.check(w.datagrams())
}

func (t transport) equal(other transport) bool { return reflect.DeepEqual(t, other) }

// leaves reports whether the input asks for no other transport than there is.
func (in proxyInput) leaves(w wish) bool {
	with, err := in.over(w)
	return err == nil && with.transport.equal(w.transport)
}

// choose returns the word that is given, one of those; the first of these is the
// default and is kept as "".
func choose(field string, given *string, was string, words ...string) (string, error) {
	switch {
	case given == nil:
		return was, nil
	case *given == "" || *given == words[0]:
		return "", nil
	case !slices.Contains(words, *given):
		last := len(words) - 1
		return was, badBodyf("%s must be %s or %s, got %s", field, strings.Join(words[:last], ", "), words[last], quoted(*given))
	}
	return *given, nil
}

// upstreams lays the list over the one upstream, or that over the list: a client
// of Toxiproxy sends the one that it has seen, and means no change by it.
func (in proxyInput) upstreams(w wish, was string) (wish, error) {
	if in.Upstreams == nil {
		if w.upstream != was {
			w.transport.Upstreams = nil
		}
		return w, nil
	}
	list := *in.Upstreams
	switch {
	case len(list) > maxUpstreams:
		return w, badBodyf("upstreams has %d addresses: %d is the most", len(list), maxUpstreams)
	case slices.Contains(list, ""):
		return w, badBodyf("upstreams has an empty address in it")
	case len(list) > 1 && slices.ContainsFunc(list, func(a string) bool { return networkOf(a) == networkUDP }):
		return w, badBodyf("upstreams are for streams, and there is one of datagrams among them")
	case len(list) > 0 && in.Upstream != nil && *in.Upstream != "" && *in.Upstream != list[0]:
		return w, badBodyf("upstream %s is not the first of upstreams, %s: give one of the two", quoted(*in.Upstream), quoted(list[0]))
	}
	w.transport.Upstreams = nil
	if len(list) > 0 {
		w.upstream = list[0]
	}
	if len(list) > 1 {
		w.transport.Upstreams = slices.Clone(list)
	}
	return w, nil
}

// hasUpstream reports whether the input names one.
func (in proxyInput) hasUpstream() bool {
	return in.Upstream != nil && *in.Upstream != "" || in.Upstreams != nil && len(*in.Upstreams) > 0
}

// readTLS reads the attributes strictly, and the files that they name.
func readTLS(text json.RawMessage) (*proxy.TLS, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	t := &proxy.TLS{}
	if err := decoder.Decode(t); err != nil {
		return nil, badBodyf("tls: %w", err)
	}
	if reflect.DeepEqual(*t, proxy.TLS{}) {
		return nil, nil
	}
	if err := t.Check(); err != nil {
		return nil, badBody(err)
	}
	return t, nil
}

// checkStreams finds addresses of unix sockets that cannot be.
func (w wish) checkStreams() error {
	for field, address := range map[string]string{"listen": w.listen, "upstream": w.upstream} {
		if _, _, err := sock.ParseAddress(address); err != nil && isUnix(address) {
			return badBodyf("%s: %w", field, err)
		}
	}
	return nil
}

// startStreams enables a proxy of streams.
func (m *member) startStreams(w wish, list []toxic) error {
	cfg, at, err := m.config(w, list)
	if err != nil {
		return err
	}
	p, err := proxy.New(cfg)
	var field *proxy.FieldError
	if errors.As(err, &field) {
		return badBody(field)
	}
	if err != nil {
		return err
	}
	if err := p.Start(m.daemon.ctx); err != nil {
		return bindFailure(at, err)
	}
	m.run(streams{p}, windowsOf(list))
	return nil
}

// config is the running proxy's. At is the address that it listens on.
func (m *member) config(w wish, list []toxic) (cfg proxy.Config, at net.Addr, err error) {
	listen := w.listen
	if isUnix(listen) {
		at = &net.UnixAddr{Name: listen[len("unix:"):], Net: "unix"}
	} else {
		tcp, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			return cfg, nil, &net.OpError{Op: "listen", Net: "tcp", Err: err}
		}
		at, listen = tcp, tcp.String()
		if tcp.IP == nil || tcp.IP.Equal(net.IPv4zero) {
			listen = net.JoinHostPort("", portOf(tcp)) // both families, as Go has it for 0.0.0.0
		}
	}
	sizes := windowsOf(list)
	cfg = proxy.Config{Name: m.name, Listen: listen, Upstream: w.upstream, Mode: effective(w.mode, list), Seed: m.source(w),
		Events: m.daemon.sink(m.name), Toxics: running(list), OnListen: sizes[event.Upstream], OnDial: sizes[event.Downstream],
		Balance: proxy.Balance{Random: w.transport.Balance == balanceRandom, Fallback: w.transport.Fallback}, Authority: m.daemon.cfg.Authority,
		ProxyProtocol: w.transport.ProxyProtocol == headerV2,
		HalfCloseIdle: span(w.transport.HalfCloseIdle), UpstreamDown: downs[w.transport.UpstreamDown]}
	if len(w.transport.Upstreams) > 1 {
		cfg.Others = w.transport.Upstreams[1:]
	}
	if w.transport.TLS != nil {
		cfg.TLS = *w.transport.TLS
	}
	return cfg, at, nil
}

// showAuthority gives the certificate that makes clients trust generated ones.
func (d *Daemon) showAuthority(w http.ResponseWriter, _ *http.Request) {
	if d.cfg.Authority == nil {
		writeFailure(w, &failure{"no authority: certificates are not generated here", http.StatusNotFound})
		return
	}
	w.Header().Set("Content-Type", "application/pem-certificate-chain")
	_, _ = w.Write(d.cfg.Authority.PEM()) // the client may be gone
}

// isUnix reports whether an address, which may be a bad one, is of a unix socket.
func isUnix(address string) bool {
	network, _, err := sock.ParseAddress(address)
	return network == "unix" || err != nil && strings.HasPrefix(address, "unix:")
}
