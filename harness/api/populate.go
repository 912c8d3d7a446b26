package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// populate creates, replaces or leaves alone the proxies of a list. Its failures
// are JSON in name, too.
func (d *Daemon) populate(w http.ResponseWriter, r *http.Request) {
	d.keeper.announce()
	views, err := d.populateFrom(r.Context(), func(list *[]proxyInput) error { return readJSON(r, list) })
	err = cmp.Or(err, d.changed())
	status := http.StatusCreated
	var failed *failure
	if err != nil {
		failed = asFailure(err)
		status = failed.Status
	}
	writeJSON(w, status, struct {
		*failure
		Proxies []view `json:"proxies"`
	}{failed, views})
}

// Populate creates the proxies of a list in JSON, as a POST of it to /populate
// does: a configuration file. It returns how many were created, replaced or left
// alone before the first failure, which is a [*SyntaxError] when the text is none. What is persisted changes when all of them are.
func (d *Daemon) Populate(ctx context.Context, list io.Reader) (int, error) {
	views, err := d.populateFrom(ctx, func(into *[]proxyInput) error {
		text, err := io.ReadAll(list)
		if err != nil {
			return err
		}
		return locate(text, json.NewDecoder(bytes.NewReader(text)).Decode(into))
	})
	if err == nil {
		err = d.changed()
	}
	return len(views), err
}

func (d *Daemon) populateFrom(ctx context.Context, read func(*[]proxyInput) error) (views []view, err error) {
	var list []proxyInput
	if err := read(&list); err != nil {
		return nil, err
	}
	for i, in := range list {
		if err := in.check(i + 1); err != nil {
			return nil, err
		}
	}
	for _, in := range list {
		m, err := d.populateOne(ctx, in)
		if err != nil {
			return views, err
		}
		views = append(views, m.view())
	}
	return views, nil
}

// check finds what is wrong with the n-th proxy of a list before any is created.
func (in proxyInput) check(n int) error {
	switch {
	case in.Name == "":
		return missing(fmt.Sprintf("name at proxy %d", n))
	case !in.hasUpstream():
		return missing(fmt.Sprintf("upstream at proxy %d", n))
	}
	_, err := in.fresh()
	if err == nil {
		_, err = in.faults()
	}
	if f := (*failure)(nil); err != nil {
		f = asFailure(err)
		return &failure{fmt.Sprintf("%s at proxy %d", f.Message, n), f.Status}
	}
	return nil
}

// populateOne leaves a proxy alone that is what the input asks for, and its
// toxics, unless the input brings some.
func (d *Daemon) populateOne(ctx context.Context, in proxyInput) (*member, error) {
	release, err := d.claim(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := d.find(in.Name)
	if err != nil {
		return d.found(in)
	}
	want, err := in.fresh()
	if err != nil {
		return nil, err
	}
	differs, err := m.wanted().differs(want)
	if err != nil {
		return nil, err
	}
	if differs || in.Seed != nil && !sameSeed(in.Seed, m.wanted().seed) || !in.leaves(m.wanted()) {
		return d.found(in)
	}
	return m, m.overlay(in)
}

// overlay gives the proxy the toxics and the mode of the input, where it has any.
func (m *member) overlay(in proxyInput) error {
	list, err := in.faults()
	if err != nil {
		return err
	}
	if len(list) > 0 {
		if err := m.edit(func([]toxic) ([]toxic, error) { return list, nil }); err != nil {
			return err
		}
		if err := m.refit(); err != nil {
			return err
		}
	}
	want, err := in.over(m.wanted())
	if err != nil || in.Mode == nil {
		return err
	}
	return m.setMode(want.mode)
}
