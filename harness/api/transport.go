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

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// maxUpstreams bounds how many upstreams a proxy may have.
const maxUpstreams = 256

// A transport is how a proxy reaches its peers, beyond Toxiproxy's listen and
// upstream. The API shows it and takes it with the same fields, those of streams
// first.
type transport struct {
	Upstreams     []string        `json:"upstreams,omitempty"` // two or more; the first one is shown as upstream too
	Balance       string          `json:"balance,omitempty"`   // "in_turn", which is "", or "random"
	Fallback      bool            `json:"fallback,omitempty"`
	TLS           *tlsconn.Config `json:"tls,omitempty"`
	ProxyProtocol string          `json:"proxy_protocol,omitempty"` // "" or "v2"
	Framing       string          `json:"framing,omitempty"`        // of at.frame, for toxics that name none
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
	Framing       *string         `json:"framing"`
	limitsInput
}

// mergeTransport lays the input over the wish, whose addresses are the new ones but
// for the list of upstreams. Was is the upstream before.
func (in proxyInput) mergeTransport(w proxySpec, was string) (proxySpec, error) {
	w, err := in.mergeUpstreams(w, was)
	if err != nil {
		return w, err
	}
	t := &w.transport
	if in.Fallback != nil {
		t.Fallback = *in.Fallback
	}
	if t.Balance, err = chooseWord("balance", in.Balance, t.Balance, balanceInTurn, balanceRandom); err != nil {
		return w, err
	}
	if t.ProxyProtocol, err = chooseWord("proxy_protocol", in.ProxyProtocol, t.ProxyProtocol, headerNone, headerV2); err != nil {
		return w, err
	}
	if in.Framing != nil {
		if _, err := dialogue.ParseFraming(*in.Framing); *in.Framing != "" && err != nil {
			return w, badBodyf("framing: %w", err)
		}
		t.Framing = *in.Framing
	}
	if isGiven(in.TLS) {
		if t.TLS, err = readTLS(in.TLS); err != nil {
			return w, err
		}
	}
	if t.limits, err = in.limitsInput.mergeFrom(t.limits); err != nil {
		return w, err
	}
	if w.isDatagrams() && !t.isEqual(transport{limits: t.limits}) {
		return w, badBodyf("upstreams, balance, fallback, tls, proxy_protocol and framing apply to streams, and %s is a datagram address", excerpt.Quote(w.listen))
	}
	return w, t.limits.checkKind(w.isDatagrams())
}

func (t transport) isEqual(other transport) bool { return reflect.DeepEqual(t, other) }

// chooseWord returns the word that is given, one of those; the first of these is the
// default and is kept as "".
func chooseWord(field string, given *string, was string, words ...string) (string, error) {
	switch {
	case given == nil:
		return was, nil
	case *given == "" || *given == words[0]:
		return "", nil
	case !slices.Contains(words, *given):
		last := len(words) - 1
		return was, badBodyf("%s must be %s or %s, got %s", field, strings.Join(words[:last], ", "), words[last], excerpt.Quote(*given))
	}
	return *given, nil
}

// mergeUpstreams lays the list over the one upstream, or that over the list: a client
// of Toxiproxy sends the one that it has seen, and means no change by it.
func (in proxyInput) mergeUpstreams(w proxySpec, was string) (proxySpec, error) {
	if in.Upstreams == nil {
		if w.upstream != was {
			w.transport.Upstreams = nil
		}
		return w, nil
	}
	list := *in.Upstreams
	switch {
	case len(list) > maxUpstreams:
		return w, badBodyf("upstreams has %s; the maximum is %d", plural.Count(len(list), "address"), maxUpstreams)
	case slices.Contains(list, ""):
		return w, badBodyf("upstreams contains an empty address")
	case len(list) > 1 && slices.ContainsFunc(list, func(a string) bool { return networkOf(a) == networkUDP }):
		return w, badBodyf("upstreams contains a datagram address; datagrams can have one upstream only")
	case len(list) > 0 && in.Upstream != nil && *in.Upstream != "" && *in.Upstream != list[0]:
		return w, badBodyf("upstream %s differs from the first of upstreams, %s; give only one of the two", excerpt.Quote(*in.Upstream), excerpt.Quote(list[0]))
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
func readTLS(text json.RawMessage) (*tlsconn.Config, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	t := &tlsconn.Config{}
	if err := decoder.Decode(t); err != nil {
		return nil, badBodyf("tls: %w", err)
	}
	if reflect.DeepEqual(*t, tlsconn.Config{}) {
		return nil, nil
	}
	if err := t.CheckFiles(); err != nil {
		return nil, badBody(err)
	}
	return t, nil
}

// checkStreams finds addresses of unix sockets that cannot be.
func (w proxySpec) checkStreams() error {
	for field, address := range map[string]string{"listen": w.listen, "upstream": w.upstream} {
		if _, _, err := sock.ParseAddress(address); err != nil && isUnix(address) {
			return badBodyf("%s: %w", field, err)
		}
	}
	return nil
}

// buildStreams makes a proxy of streams.
func (m *managedProxy) buildStreams(w proxySpec, list []toxic) (engine, error) {
	cfg, at, err := m.proxyConfig(w, list)
	if err != nil {
		return engine{}, err
	}
	p, err := proxy.New(cfg)
	var field *tlsconn.FieldError
	if errors.As(err, &field) {
		return engine{}, badBody(field)
	}
	if err != nil {
		return engine{}, err
	}
	return engine{streams{p}, windowsOf(list), func(from proxyEngine) error {
		if old, ok := from.(streams); ok {
			return bindFailure(at, p.TakeOver(m.daemon.ctx, old.Proxy))
		}
		return bindFailure(at, p.Start(m.daemon.ctx))
	}}, nil
}

// proxyConfig is the running proxy's. At is the address that it listens on.
func (m *managedProxy) proxyConfig(w proxySpec, list []toxic) (cfg proxy.Config, at net.Addr, err error) {
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
	cfg = proxy.Config{Name: m.name, Listen: listen, Upstream: w.upstream, Mode: effectiveMode(w.mode, list), Seed: m.seedSource(w),
		Events: m.daemon.eventSink(m.name), Toxics: asProxyToxics(list),
		Balance: proxy.Balance{Random: w.transport.Balance == balanceRandom, Fallback: w.transport.Fallback}, Authority: m.daemon.cfg.Authority,
		ProxyProtocol: w.transport.ProxyProtocol == headerV2,
		HalfCloseIdle: limitDuration(w.transport.HalfCloseIdle), UpstreamDown: downs[w.transport.UpstreamDown],
		MoreUpstreams: w.others(), Served: m.count(), NewID: m.daemon.nextConnection, Closed: m.noteClosed, Keep: m.recordNew, Record: m.daemon.cfg.Record, Shared: m.daemon.shared}
	if w.transport.TLS != nil {
		cfg.TLS = *w.transport.TLS
	}
	return cfg, at, nil
}

// showAuthority gives the certificate that makes clients trust generated ones.
func (d *Daemon) showAuthority(w http.ResponseWriter, _ *http.Request) {
	if d.cfg.Authority == nil {
		writeFailure(w, &failure{Message: "this daemon generates no certificates", Status: http.StatusNotFound})
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
