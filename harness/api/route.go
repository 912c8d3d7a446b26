package api

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/sockharness/harness/harness/ui"
)

// maxBody is how much of a request's body is read.
const maxBody = 1 << 20

// A reply is what an action answers: a status and, unless nil, a JSON value.
type reply struct {
	status int
	value  any
}

// An action does what a request asks for. The names are those in its path.
type action func(r *http.Request, names []string) (reply, error)

// A route is one path; "*" stands for a name.
type route struct {
	path    []string
	methods map[string]action
	raw     http.Handler // instead of methods: answers all of them itself
	open    bool         // answered without a token
	file    bool         // of the live page: answered to browsers
}

func (d *Daemon) routeTable() []route {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	at := func(path string, methods map[string]action) route {
		return route{path: strings.Split(path, "/"), methods: methods}
	}
	var routes []route
	for _, how := range acts { // before connections/*, which matches their paths too
		act := map[string]action{post: func(r *http.Request, names []string) (reply, error) { return d.actOn(r, names, how) }}
		routes = append(routes, at("connections/"+how.verb, act), at("connections/*/"+how.verb, act))
	}
	routes = append(routes,
		at("proxies", map[string]action{get: d.listProxies, post: d.createProxy}),
		at("proxies/*", map[string]action{get: d.showProxy, post: d.updateProxy, patch: d.updateProxy, del: d.deleteProxy}),
		at("proxies/*/schedule", map[string]action{get: d.showSchedule}),
		at("proxies/*/outage", map[string]action{get: d.showOutage, post: d.startOutage, del: d.healOutage}),
		at("proxies/*/toxics", map[string]action{get: d.listToxics, post: d.createToxic}),
		at("proxies/*/toxics/*", map[string]action{get: d.showToxic, post: d.updateToxic, patch: d.updateToxic, del: d.deleteToxic}),
		at("reset", map[string]action{post: d.resetAll}),
		at("connections", map[string]action{get: d.listConnections}),
		at("connections/*", map[string]action{get: d.showConnection}),
		at("connections/*/stream", map[string]action{get: d.showStream}),
		at("connections/*/toxics/*", map[string]action{del: d.removeFromConnection}),
		at("proxies/*/record", map[string]action{post: d.recordProxy, del: d.stopRecordingProxy}),
		at("catalogue", map[string]action{get: d.showCatalogue}),
		at("config", map[string]action{get: d.showConfig}),
		at("config/save", map[string]action{post: d.saveConfig}),
		route{path: []string{"populate"}, raw: onlyMethod(post, d.servePopulate)},
		route{path: []string{"version"}, raw: onlyMethod(get, serveVersion)},
		route{path: []string{"events"}, raw: onlyMethod(get, d.serveEvents)},
		route{path: []string{"live"}, raw: onlyMethod(get, d.serveLive)},
		route{path: []string{"healthz"}, raw: onlyMethod(get, serveHealth), open: true},
		route{path: []string{"ca.pem"}, raw: onlyMethod(get, d.showAuthority)},
	)
	if d.cfg.Guard.Page != "" {
		files := onlyMethod(get, http.StripPrefix("/ui", ui.Files()).ServeHTTP)
		routes = append(routes, route{path: []string{"ui", ""}, raw: files, file: true}, route{path: []string{"ui", "*"}, raw: files, file: true})
	}
	if h := d.meter.metricsHandler(); h != nil {
		routes = append(routes, route{path: []string{"metrics"}, raw: h})
	}
	return routes
}

// onlyMethod makes a handler of one method.
func onlyMethod(method string, h http.HandlerFunc) http.Handler { return oneMethod{method, h} }

type oneMethod struct {
	method string
	http.HandlerFunc
}

func (rt *route) matchPath(segments []string) (names []string, ok bool) {
	if len(segments) != len(rt.path) {
		return nil, false
	}
	for i, want := range rt.path {
		switch {
		case want == "*" && segments[i] != "":
			names = append(names, segments[i])
		case want != segments[i]:
			return nil, false
		}
	}
	return names, true
}

func (rt *route) allowsMethod(method string) bool {
	if one, ok := rt.raw.(oneMethod); ok {
		return one.method == method
	}
	return rt.raw != nil || rt.methods[method] != nil
}

// ServeHTTP answers one request of Toxiproxy's API or of ours.
func (d *Daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if clean := cleanPath(r.URL.Path); clean != r.URL.Path {
		u := *r.URL
		u.Path, u.RawPath = clean, ""
		w.Header().Set("Location", u.String())
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	if !d.cfg.Guard.admitOrigin(w, r) {
		return
	}
	segments := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	for i := range d.routes {
		if names, ok := d.routes[i].matchPath(segments); ok {
			d.serveRoute(w, r, &d.routes[i], names)
			return
		}
	}
	http.NotFound(w, r)
}

func (d *Daemon) serveRoute(w http.ResponseWriter, r *http.Request, rt *route, names []string) {
	if !rt.allowsMethod(r.Method) {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("X-Toxiproxy-Request-Id", requestID())
	if rt.file && !d.cfg.Guard.admitFile(w, r) || !rt.file && !d.cfg.Guard.admitRequest(w, r, rt.open) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if rt.raw != nil {
		rt.raw.ServeHTTP(w, r)
		return
	}
	changes := r.Method != http.MethodGet
	if changes {
		d.keeper.markDirty()
	}
	answer, err := rt.methods[r.Method](r, names)
	if changes {
		err = cmp.Or(err, d.saveChange())
		d.trimmer.noteChange()
	}
	if err != nil {
		writeFailure(w, err)
		return
	}
	if answer.value == nil {
		w.WriteHeader(answer.status)
		return
	}
	writeJSON(w, answer.status, answer.value)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		writeFailure(w, fmt.Errorf("reply encode: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may be gone
}

// readJSON reads the first JSON value of the body, all of which must have
// arrived: who sends slowly waits for himself only.
func readJSON(r *http.Request, value any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	return decodeJSON(body, value)
}

// decodeJSON reads the first JSON value of a body.
func decodeJSON(body []byte, value any) error {
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(value); err != nil {
		return badBody(err)
	}
	if _, ok := value.(*proxyInput); ok {
		return checkSpelling(body)
	}
	return nil
}

// readBody reads all of the body.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return nil, &failure{Message: fmt.Sprintf("bad request body: more than %d bytes", tooBig.Limit), Status: http.StatusRequestEntityTooLarge}
	case err != nil:
		return nil, badBody(err)
	}
	return body, nil
}

// cleanPath removes doubled slashes and dots and keeps a slash at the end.
func cleanPath(p string) string {
	if p == "" {
		return "/"
	}
	if p[0] != '/' {
		p = "/" + p
	}
	clean := path.Clean(p)
	if p[len(p)-1] == '/' && clean != "/" {
		clean += "/"
	}
	return clean
}

// requestID returns 20 characters, as Toxiproxy's has.
func requestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// ToxiproxyVersion is the release of Toxiproxy whose contract this is. Clients
// choose their methods by it.
const ToxiproxyVersion = "2.12.0"

func serveVersion(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	_, _ = fmt.Fprintf(w, "{\"version\": %q}\n", ToxiproxyVersion)
}

func serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}
