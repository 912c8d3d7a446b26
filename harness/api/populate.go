package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/sockharness/harness/harness/excerpt"
)

// servePopulate creates, replaces or leaves alone the proxies of a list. Its failures
// are JSON in name, too.
func (d *Daemon) servePopulate(w http.ResponseWriter, r *http.Request) {
	d.keeper.markDirty()
	views, err := d.populateFrom(r.Context(), func(list *[]proxyInput) error {
		text, err := readBody(r)
		if err != nil {
			return err
		}
		return decodeList(text, list)
	})
	err = cmp.Or(err, d.saveChange())
	status := http.StatusCreated
	var failed *failure
	if err != nil {
		failed = asFailure(err)
		status = failed.Status
	}
	writeJSON(w, status, struct {
		*failure
		Proxies []proxyJSON `json:"proxies"`
	}{failed, views})
}

// PopulateFrom creates the proxies of a list in JSON, as a POST of it to /populate
// does: a configuration file. It returns how many were created, replaced or left
// alone before the first failure, which is a [*SyntaxError] when the text is none. What is persisted changes when all of them are.
func (d *Daemon) PopulateFrom(ctx context.Context, list io.Reader) (int, error) {
	text, err := io.ReadAll(list)
	if err != nil {
		return 0, fmt.Errorf("configuration read: %w", err)
	}
	text = asUTF8(text)
	views, err := d.populateFrom(ctx, func(into *[]proxyInput) error {
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
			return locateError(text, err)
		}
		return checkSpellings(text)
	})
	if err == nil {
		err = d.saveChange()
	}
	return len(views), locateFailure(text, err)
}

// decodeList reads the first JSON value of a request, which must be a list of proxies.
func decodeList(text []byte, list *[]proxyInput) error {
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(list); err != nil {
		return badBody(err)
	}
	return checkSpellings(text)
}

func (d *Daemon) populateFrom(ctx context.Context, read func(*[]proxyInput) error) (views []proxyJSON, err error) {
	var list []proxyInput
	if err := read(&list); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i, in := range list {
		if err := in.checkEntry(i + 1); err != nil {
			return nil, err
		}
		if names[in.Name] {
			return nil, atProxy(fieldFailure("name", "name %s is given twice", excerpt.Quote(in.Name)), i+1)
		}
		names[in.Name] = true
	}
	return d.populateAll(ctx, list)
}

// populateAll makes all of the list, or changes nothing.
func (d *Daemon) populateAll(ctx context.Context, list []proxyInput) (views []proxyJSON, err error) {
	release, err := d.claimAll(ctx, list)
	if err != nil {
		return nil, err
	}
	defer release()
	changes, err := d.planAll(list)
	if err != nil {
		for _, c := range changes {
			c.abandon()
		}
		return nil, err
	}
	for i, c := range changes {
		if err := c.commit(); err != nil {
			for _, later := range changes[i+1:] {
				later.abandon()
			}
			return nil, err
		}
		d.listProxy(c.member)
	}
	for _, c := range changes {
		views = append(views, c.member.asJSON())
	}
	return views, nil
}

// claimAll claims the names of a list, in an order that all requests have.
func (d *Daemon) claimAll(ctx context.Context, list []proxyInput) (release func(), err error) {
	var names []string
	for _, in := range list {
		names = append(names, in.Name)
	}
	slices.Sort(names)
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	for _, name := range slices.Compact(names) {
		one, err := d.claimName(ctx, name)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, one)
	}
	return release, nil
}

// planAll plans every proxy of a list. When it fails, the plans that it returns are
// to be abandoned.
func (d *Daemon) planAll(list []proxyInput) (changes []*change, err error) {
	for i, in := range list {
		c, err := d.planOne(in)
		if err != nil {
			f := *asFailure(err)
			f.proxy = i + 1
			return changes, &f
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// checkEntry finds what is wrong with the n-th proxy of a list before any is created.
func (in proxyInput) checkEntry(n int) error {
	switch {
	case in.Name == "":
		return atProxy(missingField("name"), n)
	case !in.hasUpstream():
		return atProxy(missingField("upstream"), n)
	}
	w, err := in.newSpec()
	if err == nil {
		_, err = in.makeToxics(w, 0)
	}
	if err = cmp.Or(checkName(in.Name), err); err != nil {
		return atProxy(err, n)
	}
	return nil
}

// planOne leaves a proxy alone that is what the input asks for, and its toxics, unless
// the input brings some. The name must be claimed.
func (d *Daemon) planOne(in proxyInput) (*change, error) {
	m, err := d.findProxy(in.Name)
	if err != nil {
		if m, err = d.newMember(in); err != nil {
			return nil, err
		}
		return m.planInput(in)
	}
	was := m.currentSpec()
	fresh, err := in.newSpec()
	if err != nil {
		return nil, err
	}
	want, err := in.mergeOver(was)
	if err != nil {
		return nil, err
	}
	same, err := was.sameListen(fresh.listen)
	if err != nil {
		return nil, err
	}
	if !same || !was.equal(want) {
		return m.planInput(in)
	}
	list, err := in.makeToxics(fresh, m.count())
	if err != nil {
		return nil, err
	}
	return m.plan(want, list)
}
