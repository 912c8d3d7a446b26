package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/proxy"
)

// proxyInput is what a client sends to create or update a proxy. Null is as good
// as absent.
type proxyInput struct {
	Name     string          `json:"name"`
	Listen   *string         `json:"listen"`
	Upstream *string         `json:"upstream"`
	Enabled  *bool           `json:"enabled"`
	Mode     *string         `json:"mode"`
	Seed     *int64          `json:"seed"`
	Toxics   json.RawMessage `json:"toxics"` // of create and populate only
	transportInput
}

// mergeOver returns what is wanted when the input is laid over what was.
func (in proxyInput) mergeOver(was proxySpec) (proxySpec, error) {
	upstream := was.upstream
	if in.Listen != nil {
		was.listen, was.asked = *in.Listen, *in.Listen
	}
	if in.Upstream != nil {
		was.upstream = *in.Upstream
	}
	if in.Enabled != nil {
		was.enabled = *in.Enabled
	}
	if in.Seed != nil {
		was.seed = in.Seed
	}
	if in.Mode != nil {
		mode, err := parseMode(*in.Mode)
		if err != nil {
			return was, err
		}
		was.mode = mode
	}
	was, err := in.mergeTransport(was, upstream)
	if err != nil {
		return was, err
	}
	return was, cmp.Or(was.checkNetwork(), was.checkStreams(), was.checkAddresses(in))
}

// newSpec returns what is wanted of a proxy that is new.
func (in proxyInput) newSpec() (proxySpec, error) { return in.mergeOver(proxySpec{enabled: true}) }

// makeToxics makes the toxics that come with a proxy of that spec. Those of Toxiproxy's first
// version, and what is no list, are none.
func (in proxyInput) makeToxics(w proxySpec, served uint64) (list []toxic, err error) {
	var given []json.RawMessage
	if len(in.Toxics) > 0 {
		if err := json.Unmarshal(in.Toxics, &given); err != nil {
			return nil, badBodyf("toxics must be a list, got %s", excerpt.Start(in.Toxics, mostExcerpt))
		}
	}
	for _, text := range given {
		one := newToxicInput(w, served)
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, badBody(err)
		}
		made, err := one.createToxic(list)
		if err != nil {
			return nil, err
		}
		list = append(list, made)
	}
	return list, nil
}

// A proxyJSON is a proxy as the API shows it.
type proxyJSON struct {
	Name     string `json:"name"`
	Listen   string `json:"listen"`
	Upstream string `json:"upstream"`
	Enabled  bool   `json:"enabled"`
	Mode     string `json:"mode,omitempty"`    // unless accept
	Network  string `json:"network,omitempty"` // unless tcp
	Seed     *int64 `json:"seed,omitempty"`
	transport
	Toxics []toxic `json:"toxics"`
}

func (m *managedProxy) asJSON() proxyJSON {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := proxyJSON{Name: m.name, Listen: m.wish.listen, Upstream: m.wish.upstream, Enabled: m.wish.enabled, Seed: m.wish.seed,
		transport: m.wish.transport, Toxics: inDisplayOrder(m.toxics)}
	if network := networkOf(v.Listen); network != networkTCP {
		v.Network = network
	}
	if m.wish.mode != proxy.Accept {
		v.Mode = modes[m.wish.mode]
	}
	return v
}

func (d *Daemon) listProxies(*http.Request, []string) (reply, error) {
	views := map[string]proxyJSON{}
	for _, m := range d.allProxies() {
		views[m.name] = m.asJSON()
	}
	return reply{http.StatusOK, views}, nil
}

func (d *Daemon) showProxy(_ *http.Request, names []string) (reply, error) {
	m, err := d.findProxy(names[0])
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, m.asJSON()}, nil
}

func (d *Daemon) createProxy(r *http.Request, _ []string) (reply, error) {
	var in proxyInput
	if err := readJSON(r, &in); err != nil {
		return reply{}, err
	}
	switch {
	case in.Name == "":
		return reply{}, missingField("name")
	case !in.hasUpstream():
		return reply{}, missingField("upstream")
	}
	release, err := d.claimName(r.Context(), in.Name)
	if err != nil {
		return reply{}, err
	}
	defer release()
	if _, err := d.findProxy(in.Name); err == nil {
		return reply{}, errProxyExists
	}
	m, err := d.newMember(in)
	if err != nil {
		return reply{}, err
	}
	if err := m.create(in); err != nil {
		return reply{}, err
	}
	d.listProxy(m)
	return reply{http.StatusCreated, m.asJSON()}, nil
}

// newMember returns the proxy that the input names, which is nothing yet.
func (d *Daemon) newMember(in proxyInput) (*managedProxy, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	w, err := in.newSpec()
	return newMember(d, in.Name, w, nil), err
}

// create makes a new member what the input asks for.
func (m *managedProxy) create(in proxyInput) error {
	c, err := m.planInput(in)
	if err != nil {
		return err
	}
	return c.commit()
}

// planInput plans what the input asks of a proxy that it describes whole.
func (m *managedProxy) planInput(in proxyInput) (*change, error) {
	w, err := in.newSpec()
	if err != nil {
		return nil, err
	}
	list, err := in.makeToxics(w, m.count())
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []toxic{}
	}
	return m.plan(w, list)
}

// checkName finds a name that no path can hold, so that its proxy could not be
// deleted.
func checkName(name string) error {
	if name == "." || name == ".." || strings.Contains(name, "/") {
		return fieldFailure("name", "name %s: cannot be part of a URL; a name must not be . or .. or contain a slash", excerpt.Quote(name))
	}
	return nil
}

// claimProxy claims a name and returns the proxy that has it then. The caller
// releases.
func (d *Daemon) claimProxy(ctx context.Context, name string) (*managedProxy, func(), error) {
	release, err := d.claimName(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	m, err := d.findProxy(name)
	if err != nil {
		release()
		return nil, nil, err
	}
	return m, release, nil
}

func (d *Daemon) updateProxy(r *http.Request, names []string) (reply, error) {
	if _, err := d.findProxy(names[0]); err != nil {
		return reply{}, err
	}
	var in proxyInput
	if err := readJSON(r, &in); err != nil {
		return reply{}, err
	}
	drain, err := queryDrain(r.URL.Query())
	if err != nil {
		return reply{}, err
	}
	m, release, err := d.claimProxy(r.Context(), names[0])
	if err != nil {
		return reply{}, err
	}
	defer release()
	if err := m.updateSpec(in, drain); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, m.asJSON()}, nil
}

// updateSpec brings the proxy to what the input asks for. Another address, upstream
// or seed ends its connections. When it fails, nothing has changed. The name must
// be claimed.
func (m *managedProxy) updateSpec(in proxyInput, drain time.Duration) error {
	was := m.currentSpec()
	want, err := in.mergeOver(was)
	if err != nil {
		return err
	}
	if want.isDatagrams() != was.isDatagrams() && len(m.initialToxics()) > 0 {
		return badBodyf("listen %s: the proxy's toxics do not work on this kind of address; delete them first", excerpt.Quote(want.listen))
	}
	return m.become(want, nil, drain)
}

func sameSeed(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

func (d *Daemon) deleteProxy(r *http.Request, names []string) (reply, error) {
	if _, err := d.findProxy(names[0]); err != nil {
		return reply{}, err
	}
	drain, err := queryDrain(r.URL.Query())
	if err != nil {
		return reply{}, err
	}
	m, release, err := d.claimProxy(r.Context(), names[0])
	if err != nil {
		return reply{}, err
	}
	defer release()
	m.removeEngine(drain)
	d.unlistProxy(m.name)
	m.announce(event.Event{Kind: event.ProxyRemoved, Detail: m.currentSpec().summary()})
	d.retired.Go(func() { d.forgetMetrics(m) })
	return reply{status: http.StatusNoContent}, nil
}

// maxDrain is the longest drain that a request may ask for: requests end after 30 s.
const maxDrain = 20 * time.Second

// queryDrain reads ?drain=, how long what was sent may take to arrive before
// connections are ended. Without it there is none, as in Toxiproxy.
func queryDrain(query url.Values) (time.Duration, error) {
	text := query.Get("drain")
	if text == "" {
		return 0, nil
	}
	drain, err := time.ParseDuration(text)
	if err != nil || drain < 0 || drain > maxDrain {
		return 0, badQueryf("drain must be a time from 0s to 20s, such as 100ms, got %s", excerpt.Quote(text))
	}
	return drain, nil
}

// forgetMetrics drops the metrics of a deleted proxy when its last connection is over,
// unless its name is somebody's again: else who makes proxies for each of his
// tests makes the daemon grow forever.
func (d *Daemon) forgetMetrics(m *managedProxy) {
	m.ending.Wait()
	d.trimmer.noteChange()
	release, err := d.claimName(d.ctx, m.name)
	if err != nil {
		return
	}
	defer release()
	if _, err := d.findProxy(m.name); err != nil {
		d.meter.forgetProxy(m.name)
	}
}

// resetAll enables every proxy and takes its toxics away. What cannot be started
// keeps nobody else from it; the first failure is told.
func (d *Daemon) resetAll(r *http.Request, _ []string) (reply, error) {
	all := d.allProxies()
	slices.SortFunc(all, func(a, b *managedProxy) int { return strings.Compare(a.name, b.name) })
	var failed error
	for _, m := range all {
		if err := d.resetOne(r, m.name); err != nil && failed == nil {
			failed = err
		}
	}
	return reply{status: http.StatusNoContent}, failed
}

func (d *Daemon) resetOne(r *http.Request, name string) error {
	release, err := d.claimName(r.Context(), name)
	if err != nil {
		return err
	}
	defer release()
	m, err := d.findProxy(name)
	if err != nil {
		return nil // deleted meanwhile
	}
	if err := m.editToxics(func([]toxic) ([]toxic, error) { return nil, nil }); err != nil {
		return err
	}
	if err := m.setMode(proxy.Accept); err != nil {
		return err
	}
	if p, ok := m.currentEngine().(streams); ok && p.Heal() != nil {
		return errShutDown
	}
	if err := m.applyWindows(); err != nil {
		return err
	}
	return m.startEngine()
}

// portNumber returns the port of an address, which may name another network.
func portNumber(address string) (string, error) {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(address, networkUDP+":"))
	return port, err
}

func portOf(at *net.TCPAddr) string { return strconv.Itoa(at.Port) }
