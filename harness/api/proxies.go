package api

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
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

// over returns what is wanted when the input is laid over what was.
func (in proxyInput) over(was wish) (wish, error) {
	upstream := was.upstream
	if in.Listen != nil {
		was.listen = *in.Listen
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
	was, err := in.transport(was, upstream)
	if err != nil {
		return was, err
	}
	return was, errors.Join(was.check(), was.checkStreams())
}

// fresh returns what is wanted of a proxy that is new.
func (in proxyInput) fresh() (wish, error) { return in.over(wish{enabled: true}) }

// faults makes the toxics that come with a proxy. Those of Toxiproxy's first
// version, and what is no list, are none.
func (in proxyInput) faults() (list []toxic, err error) {
	var given []json.RawMessage
	if len(in.Toxics) > 0 {
		if err := json.Unmarshal(in.Toxics, &given); err != nil {
			return nil, badBodyf("toxics must be a list, got %s", excerpt(in.Toxics))
		}
	}
	w, err := in.fresh()
	if err != nil {
		return nil, err
	}
	for _, text := range given {
		one := newToxicInput(w)
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, badBody(err)
		}
		made, err := one.create(list)
		if err != nil {
			return nil, err
		}
		list = append(list, made)
	}
	return list, nil
}

// A view is a proxy as the API shows it.
type view struct {
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

func (m *member) view() view {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := view{Name: m.name, Listen: m.wish.listen, Upstream: m.wish.upstream, Enabled: m.wish.enabled, Seed: m.wish.seed,
		transport: m.wish.transport, Toxics: shown(m.toxics)}
	if network := networkOf(v.Listen); network != networkTCP {
		v.Network = network
	}
	if m.wish.mode != proxy.Accept {
		v.Mode = modes[m.wish.mode]
	}
	return v
}

func (d *Daemon) listProxies(*http.Request, []string) (reply, error) {
	views := map[string]view{}
	for _, m := range d.all() {
		views[m.name] = m.view()
	}
	return reply{http.StatusOK, views}, nil
}

func (d *Daemon) showProxy(_ *http.Request, names []string) (reply, error) {
	m, err := d.find(names[0])
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, m.view()}, nil
}

func (d *Daemon) createProxy(r *http.Request, _ []string) (reply, error) {
	var in proxyInput
	if err := readJSON(r, &in); err != nil {
		return reply{}, err
	}
	switch {
	case in.Name == "":
		return reply{}, missing("name")
	case !in.hasUpstream():
		return reply{}, missing("upstream")
	}
	release, err := d.claim(r.Context(), in.Name)
	if err != nil {
		return reply{}, err
	}
	defer release()
	if _, err := d.find(in.Name); err == nil {
		return reply{}, errProxyExists
	}
	m, err := d.found(in)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, m.view()}, nil
}

// found creates the proxy that the input asks for. Its name must be claimed; who
// has it now is replaced.
func (d *Daemon) found(in proxyInput) (*member, error) {
	w, err := in.fresh()
	if err != nil {
		return nil, err
	}
	list, err := in.faults()
	if err != nil {
		return nil, err
	}
	before, _ := d.find(in.Name)
	if before != nil {
		before.stop()
	}
	m := newMember(d, in.Name, w, list)
	if w.enabled {
		if err := m.start(); err != nil {
			return nil, err
		}
	}
	if before != nil {
		m.ending = before.ending
		before.leave()
	}
	d.list(m)
	return m, nil
}

// hold claims a name and returns the proxy that has it then. The caller
// releases.
func (d *Daemon) hold(ctx context.Context, name string) (*member, func(), error) {
	release, err := d.claim(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	m, err := d.find(name)
	if err != nil {
		release()
		return nil, nil, err
	}
	return m, release, nil
}

func (d *Daemon) updateProxy(r *http.Request, names []string) (reply, error) {
	if _, err := d.find(names[0]); err != nil {
		return reply{}, err
	}
	var in proxyInput
	if err := readJSON(r, &in); err != nil {
		return reply{}, err
	}
	m, release, err := d.hold(r.Context(), names[0])
	if err != nil {
		return reply{}, err
	}
	defer release()
	if err := m.update(in); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, m.view()}, nil
}

// update brings the proxy to what the input asks for. Another address, upstream
// or seed ends its connections. The name must be claimed.
func (m *member) update(in proxyInput) error {
	was := m.wanted()
	want, err := in.over(was)
	if err != nil {
		return err
	}
	differs, err := was.differs(want)
	if err != nil {
		return err
	}
	if want.datagrams() != was.datagrams() && len(m.faults()) > 0 {
		return badBodyf("listen %s: its toxics are for the other kind of proxy; delete them first", quoted(want.listen))
	}
	if differs || !sameSeed(was.seed, want.seed) || !was.transport.equal(want.transport) {
		m.stop()
		m.mu.Lock()
		m.wish.listen, m.wish.upstream, m.wish.seed, m.wish.transport = want.listen, want.upstream, want.seed, want.transport
		m.mu.Unlock()
	}
	if err := m.setMode(want.mode); err != nil {
		return err
	}
	if want.enabled {
		return m.start()
	}
	m.stop()
	return nil
}

// differs reports whether a proxy must be stopped to become the other one. An
// address is compared as resolved with what is listened on, so that port 0, and
// a name that a disabled proxy has kept, always differ: as in Toxiproxy.
func (w wish) differs(other wish) (bool, error) {
	if other.datagrams() {
		at, err := resolveDatagrams(other.listen)
		return err == nil && (w.listen != sock.FormatAddress(at) || w.upstream != other.upstream), err
	}
	if isUnix(other.listen) {
		return w.listen != other.listen || w.upstream != other.upstream, nil
	}
	at, err := net.ResolveTCPAddr("tcp", other.listen)
	if err != nil {
		return false, err
	}
	return w.listen != at.String() || w.upstream != other.upstream, nil
}

func sameSeed(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

func (d *Daemon) deleteProxy(r *http.Request, names []string) (reply, error) {
	if _, err := d.find(names[0]); err != nil {
		return reply{}, err
	}
	m, release, err := d.hold(r.Context(), names[0])
	if err != nil {
		return reply{}, err
	}
	defer release()
	m.leave()
	d.unlist(m.name)
	d.retired.Go(func() { d.forget(m) })
	return reply{status: http.StatusNoContent}, nil
}

// forget drops the metrics of a deleted proxy when its last connection is over,
// unless its name is somebody's again: else who makes proxies for each of his
// tests makes the daemon grow for ever.
func (d *Daemon) forget(m *member) {
	m.ending.Wait()
	release, err := d.claim(d.ctx, m.name)
	if err != nil {
		return
	}
	defer release()
	if _, err := d.find(m.name); err != nil {
		d.meter.forget(m.name)
	}
}

// resetAll enables every proxy and takes its toxics away. What cannot be started
// keeps nobody else from it; the first failure is told.
func (d *Daemon) resetAll(r *http.Request, _ []string) (reply, error) {
	all := d.all()
	slices.SortFunc(all, func(a, b *member) int { return strings.Compare(a.name, b.name) })
	var failed error
	for _, m := range all {
		if err := d.resetOne(r, m.name); err != nil && failed == nil {
			failed = err
		}
	}
	return reply{status: http.StatusNoContent}, failed
}

func (d *Daemon) resetOne(r *http.Request, name string) error {
	release, err := d.claim(r.Context(), name)
	if err != nil {
		return err
	}
	defer release()
	m, err := d.find(name)
	if err != nil {
		return nil // deleted meanwhile
	}
	if err := m.edit(func([]toxic) ([]toxic, error) { return nil, nil }); err != nil {
		return err
	}
	if err := m.setMode(proxy.Accept); err != nil {
		return err
	}
	if err := m.refit(); err != nil {
		return err
	}
	return m.start()
}

func portOf(at *net.TCPAddr) string { return strconv.Itoa(at.Port) }
