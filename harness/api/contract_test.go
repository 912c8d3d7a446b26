package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A step is one request and what both servers must answer to it, byte for byte.
// In all of its texts {A}, {B} and {C} are free addresses, {busy} one that is
// taken. A body that starts with ~ is a regular expression.
type step struct {
	method, path, body string
	status             int
	want               string
}

const (
	asJSON = "application/json"
	asText = "text/plain; charset=utf-8"
)

func proxyText(name, listen, upstream string, enabled string, toxics string) string {
	return `{"name":"` + name + `","listen":"` + listen + `","upstream":"` + upstream + `","enabled":` + enabled + `,"toxics":[` + toxics + `]}`
}

const (
	latencyDown = `{"attributes":{"latency":100,"jitter":5},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}`
	createP     = `{"name":"p","listen":"{A}","upstream":"{B}"}`
)

func failed(text string, status string) string {
	return `{"error":"` + text + `","status":` + status + "}\n"
}

// contract is Toxiproxy's HTTP API as clients know it.
var contract = map[string][]step{
	"version":       {{"GET", "/version", "", 200, `~{"version": "(2\.12\.0|git)"}\n`}},
	"empty list":    {{"GET", "/proxies", "", 200, "{}"}},
	"unknown path":  {{"GET", "/nowhere", "", 404, "404 page not found\n"}, {"GET", "/proxies/", "", 404, "404 page not found\n"}, {"GET", "/", "", 404, "404 page not found\n"}},
	"wrong method":  {{"PUT", "/proxies", "", 405, ""}, {"HEAD", "/proxies", "", 405, ""}, {"OPTIONS", "/version", "", 405, ""}, {"GET", "/reset", "", 405, ""}, {"DELETE", "/populate", "", 405, ""}},
	"unclean path":  {{"GET", "//proxies", "", 301, ""}, {"GET", "/x/../proxies", "", 301, ""}, {"GET", "/./version", "", 301, ""}},
	"slash in name": {{"GET", "/proxies/a%2Fb", "", 404, "404 page not found\n"}, {"GET", "/proxies/a%2Ftoxics", "", 404, failed("proxy not found", "404")}},
	"no metrics":    {{"GET", "/metrics", "", 404, "404 page not found\n"}},
	"reset of none": {{"POST", "/reset", "garbage", 204, ""}},

	"create": {
		{"POST", "/proxies", createP, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"POST", "/proxies", createP, 409, failed("proxy already exists", "409")},
		{"GET", "/proxies/p", "", 200, proxyText("p", "{A}", "{B}", "true", "")},
		{"GET", "/proxies", "", 200, `{"p":` + proxyText("p", "{A}", "{B}", "true", "") + `}`},
		{"DELETE", "/proxies/p", "", 204, ""},
		{"DELETE", "/proxies/p", "", 404, failed("proxy not found", "404")},
	},
	"create in other words": {
		{"POST", "/proxies", `{"NAME":"p","Listen":"{A}","UPSTREAM":"{B}","enabled":null,"more":[1]} trailing`, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"POST", "/proxies", `{"name":"é ?#%<","listen":"{C}","upstream":"{B}"}`, 201, proxyText(`é ?#%\u003c`, "{C}", "{B}", "true", "")},
		{"GET", "/proxies/%C3%A9%20%3F%23%25%3C/toxics", "", 200, "[]"},
	},
	"create resolved": {
		{"POST", "/proxies", `{"name":"p","listen":"localhost:{portA}","upstream":"127.0.0.1:1"}`, 201, proxyText("p", "{A}", "127.0.0.1:1", "true", "")},
	},
	"create everywhere": {
		{"POST", "/proxies", `{"name":"p","listen":":{portA}","upstream":"127.0.0.1:1"}`, 201, proxyText("p", "[::]:{portA}", "127.0.0.1:1", "true", "")},
		{"DELETE", "/proxies/p", "", 204, ""},
		{"POST", "/proxies", `{"name":"p","listen":"0.0.0.0:{portA}","upstream":"127.0.0.1:1"}`, 201, proxyText("p", "[::]:{portA}", "127.0.0.1:1", "true", "")},
		{"PATCH", "/proxies/p", `{"enabled":false}`, 200, proxyText("p", "[::]:{portA}", "127.0.0.1:1", "false", "")},
		{"PATCH", "/proxies/p", `{"enabled":true}`, 200, proxyText("p", "[::]:{portA}", "127.0.0.1:1", "true", "")},
	},
	"create picks a port": {
		{"POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`, 201, `~{"name":"p","listen":"127\.0\.0\.1:[1-9]\d*","upstream":"127\.0\.0\.1:1","enabled":true,"toxics":\[\]}`},
		{"POST", "/proxies", `{"name":"q","upstream":"127.0.0.1:1"}`, 201, `~{"name":"q","listen":"\[::\]:[1-9]\d*","upstream":"127\.0\.0\.1:1","enabled":true,"toxics":\[\]}`},
	},
	"create disabled": {
		{"POST", "/proxies", `{"name":"p","listen":"localhost:{portA}","upstream":"127.0.0.1:1","enabled":false}`, 201, proxyText("p", "localhost:{portA}", "127.0.0.1:1", "false", "")},
		{"PATCH", "/proxies/p", `{"enabled":true}`, 200, proxyText("p", "{A}", "127.0.0.1:1", "true", "")},
	},
	"create refused": {
		{"POST", "/proxies", ``, 400, failed("bad request body: EOF", "400")},
		{"POST", "/proxies", `{`, 400, failed("bad request body: unexpected EOF", "400")},
		{"POST", "/proxies", `null`, 400, failed("missing required field: name", "400")},
		{"POST", "/proxies", `{}`, 400, failed("missing required field: name", "400")},
		{"POST", "/proxies", `{"upstream":"127.0.0.1:1"}`, 400, failed("missing required field: name", "400")},
		{"POST", "/proxies", `{"name":"p"}`, 400, failed("missing required field: upstream", "400")},
		{"POST", "/proxies", `{"name":1}`, 400, `~{"error":"bad request body: json: cannot unmarshal number into Go struct field .*name of type string","status":400}\n`},
		{"POST", "/proxies", `[]`, 400, `~{"error":"bad request body: json: cannot unmarshal array into Go value of type .*","status":400}\n`},
		{"POST", "/proxies", `{"name":"p","upstream":"127.0.0.1:1","listen":"{busy}"}`, 500, failed("listen tcp {busy}: bind: address already in use", "500")},
		{"GET", "/proxies", "", 200, "{}"},
	},
	"update": {
		{"POST", "/proxies", createP, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"PATCH", "/proxies/p", `{"upstream":"{C}"}`, 200, proxyText("p", "{A}", "{C}", "true", "")},
		{"POST", "/proxies/p", `{"name":"q","listen":null}`, 200, proxyText("p", "{A}", "{C}", "true", "")},
		{"POST", "/proxies/p", `{"enabled":false}`, 200, proxyText("p", "{A}", "{C}", "false", "")},
		{"POST", "/proxies/p", `{"enabled":false,"upstream":""}`, 200, proxyText("p", "{A}", "", "false", "")},
		{"POST", "/proxies/p", `{"enabled":true}`, 200, proxyText("p", "{A}", "", "true", "")},
		{"PATCH", "/proxies/p", `{"listen":"{B}"}`, 200, proxyText("p", "{B}", "", "true", "")},
		{"PATCH", "/proxies/p", `{"listen":"127.0.0.1:0"}`, 200, `~{"name":"p","listen":"127.0.0.1:[1-9]\d*","upstream":"","enabled":true,"toxics":\[\]}`},
		{"PATCH", "/proxies/p", ``, 400, failed("bad request body: EOF", "400")},
		{"PATCH", "/proxies/q", ``, 404, failed("proxy not found", "404")},
	},
	"toxics survive": {
		{"POST", "/proxies", createP, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":100,"jitter":5}}`, 200, latencyDown},
		{"POST", "/proxies/p", `{"enabled":false,"toxics":[]}`, 200, proxyText("p", "{A}", "{B}", "false", latencyDown)},
		{"POST", "/proxies/p", `{"enabled":true,"listen":"{C}"}`, 200, proxyText("p", "{C}", "{B}", "true", latencyDown)},
		{"POST", "/reset", ``, 204, ""},
		{"GET", "/proxies/p", "", 200, proxyText("p", "{C}", "{B}", "true", "")},
	},
	"reset enables": {
		{"POST", "/proxies", `{"name":"p","listen":"{A}","upstream":"127.0.0.1:1","enabled":false}`, 201, proxyText("p", "{A}", "127.0.0.1:1", "false", "")},
		{"POST", "/reset", ``, 204, ""},
		{"GET", "/proxies/p", "", 200, proxyText("p", "{A}", "127.0.0.1:1", "true", "")},
	},

	"populate": {
		{"POST", "/populate", `[{"name":"p","listen":"{A}","upstream":"127.0.0.1:1"},{"name":"q","listen":"localhost:{portB}","upstream":"127.0.0.1:2","enabled":false}]`, 201,
			`{"proxies":[` + proxyText("p", "{A}", "127.0.0.1:1", "true", "") + `,` + proxyText("q", "localhost:{portB}", "127.0.0.1:2", "false", "") + `]}`},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":100,"jitter":5}}`, 200, latencyDown},
		{"POST", "/populate", `[{"name":"p","listen":"{A}","upstream":"127.0.0.1:3"}]`, 201, `{"proxies":[` + proxyText("p", "{A}", "127.0.0.1:3", "true", "") + `]}`},
	},
	"populate of none": {
		{"POST", "/populate", `[]`, 201, `{"proxies":null}`},
		{"POST", "/populate", `null`, 201, `{"proxies":null}`},
	},
	"populate refused": {
		{"POST", "/populate", ``, 400, `{"error":"bad request body: EOF","status":400,"proxies":null}`},
		{"POST", "/populate", `{}`, 400, `~{"error":"bad request body: json: cannot unmarshal object into Go value of type .*","status":400,"proxies":null}`},
		{"POST", "/populate", `[{"name":"p","upstream":"127.0.0.1:1"},{"upstream":"127.0.0.1:1"}]`, 400, `{"error":"missing required field: name at proxy 2","status":400,"proxies":null}`},
		{"POST", "/populate", `[{"name":"p"}]`, 400, `{"error":"missing required field: upstream at proxy 1","status":400,"proxies":null}`},
		{"GET", "/proxies", "", 200, "{}"},
	},

	"toxics": {
		{"POST", "/proxies", createP, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"GET", "/proxies/p/toxics", "", 200, "[]"},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"Latency":100,"jitter":5,"unknown":"x"}}`, 200, latencyDown},
		{"POST", "/proxies/p/toxics", `{"type":"latency"}`, 409, failed("toxic already exists", "409")},
		{"POST", "/proxies/p/toxics", `{"type":"slicer","name":"s","stream":"UPSTREAM","toxicity":0.1,"attributes":{"delay":3,"average_size":10,"size_variation":10}}`, 200,
			`{"attributes":{"average_size":10,"size_variation":10,"delay":3},"name":"s","type":"slicer","stream":"UPSTREAM","toxicity":0.1}`},
		{"POST", "/proxies/p/toxics", `{"type":"bandwidth","stream":"Upstream","toxicity":0,"attributes":null}`, 200,
			`{"attributes":{"rate":0},"name":"bandwidth_Upstream","type":"bandwidth","stream":"Upstream","toxicity":0}`},
		{"POST", "/proxies/p/toxics", `{"type":"noop","name":null,"stream":null,"toxicity":null}`, 200,
			`{"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}`},
		{"GET", "/proxies/p/toxics", "", 200, `~\[{"attributes":{"average_size".*"name":"s".*"name":"bandwidth_Upstream".*"name":"latency_downstream".*"name":"noop_downstream".*\]`},
		{"GET", "/proxies/p/toxics/latency_downstream", "", 200, latencyDown},
		{"DELETE", "/proxies/p/toxics/latency_downstream", "", 204, ""},
		{"DELETE", "/proxies/p/toxics/latency_downstream", "", 404, failed("toxic not found", "404")},
		{"GET", "/proxies/p/toxics/latency_downstream", "", 404, failed("toxic not found", "404")},
	},
	"toxics of every type": {
		{"POST", "/proxies", createP, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"POST", "/proxies/p/toxics", `{"type":"limit_data","attributes":{"bytes":9223372036854775}}`, 200, `{"attributes":{"bytes":9223372036854775},"name":"limit_data_downstream","type":"limit_data","stream":"downstream","toxicity":1}`},
		{"POST", "/proxies/p/toxics", `{"type":"slow_close","toxicity":2}`, 200, `{"attributes":{"delay":0},"name":"slow_close_downstream","type":"slow_close","stream":"downstream","toxicity":2}`},
		{"POST", "/proxies/p/toxics", `{"type":"timeout","toxicity":-1,"attributes":{"timeout":-5}}`, 200, `{"attributes":{"timeout":-5},"name":"timeout_downstream","type":"timeout","stream":"downstream","toxicity":-1}`},
		{"POST", "/proxies/p/toxics", `{"type":"reset_peer","attributes":{"timeout":null}}`, 200, `{"attributes":{"timeout":0},"name":"reset_peer_downstream","type":"reset_peer","stream":"downstream","toxicity":1}`},
	},
	"toxics refused": {
		{"POST", "/proxies", createP, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"POST", "/proxies/p/toxics", ``, 400, failed("bad request body: EOF", "400")},
		{"POST", "/proxies/p/toxics", `{}`, 400, failed("invalid toxic type", "400")},
		{"POST", "/proxies/p/toxics", `{"type":"nothing"}`, 400, failed("invalid toxic type", "400")},
		{"POST", "/proxies/p/toxics", `{"type":"nothing","stream":"x"}`, 400, failed("stream was invalid, can be either upstream or downstream", "400")},
		{"POST", "/proxies/p/toxics", `{"type":"latency","stream":""}`, 400, failed("stream was invalid, can be either upstream or downstream", "400")},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":"x"}}`, 400, `~{"error":"bad request body: .*latency.*","status":400}\n`},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":1.5}}`, 400, `~{"error":"bad request body: .*latency.*","status":400}\n`},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":1e3}}`, 400, `~{"error":"bad request body: .*latency.*","status":400}\n`},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":[]}`, 400, `~{"error":"bad request body: .*","status":400}\n`},
		{"POST", "/proxies/p/toxics", `{"type":"latency","toxicity":"1"}`, 400, `~{"error":"bad request body: .*toxicity.*","status":400}\n`},
		{"POST", "/proxies/q/toxics", ``, 404, failed("proxy not found", "404")},
		{"GET", "/proxies/q/toxics", ``, 404, failed("proxy not found", "404")},
		{"GET", "/proxies/q/toxics/x", ``, 404, failed("proxy not found", "404")},
		{"DELETE", "/proxies/q/toxics/x", ``, 404, failed("proxy not found", "404")},
		{"PATCH", "/proxies/q/toxics/x", ``, 404, failed("proxy not found", "404")},
		{"PATCH", "/proxies/p/toxics/x", ``, 404, failed("toxic not found", "404")},
		{"GET", "/proxies/p/toxics", "", 200, "[]"},
	},
	"toxic update": {
		{"POST", "/proxies", createP, 201, proxyText("p", "{A}", "{B}", "true", "")},
		{"POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"latency":100,"jitter":4}}`, 200, `~.*`},
		{"PATCH", "/proxies/p/toxics/latency_downstream", `{"attributes":{"JITTER":5},"name":"x","type":"noop","stream":"upstream"}`, 200, latencyDown},
		{"POST", "/proxies/p/toxics/latency_downstream", `{"toxicity":0.25}`, 200, strings.Replace(latencyDown, `"toxicity":1`, `"toxicity":0.25`, 1)},
		{"POST", "/proxies/p/toxics/latency_downstream", `{"toxicity":null,"attributes":null}`, 200, strings.Replace(latencyDown, `"toxicity":1`, `"toxicity":0.25`, 1)},
		{"PATCH", "/proxies/p/toxics/latency_downstream", `{"attributes":{"latency":"x"}}`, 400, `~{"error":"bad request body: .*latency.*","status":400}\n`},
		{"PATCH", "/proxies/p/toxics/latency_downstream", ``, 400, failed("bad request body: EOF", "400")},
	},
}

func TestContract(t *testing.T) {
	_, ours := serve(t, Config{})
	systems := map[string]string{"ours": ours}
	if url := original(t); url != "" {
		systems["original"] = url
	}
	for system, url := range systems {
		for name, steps := range contract {
			t.Run(system+"/"+name, func(t *testing.T) {
				busy := listen(t)
				texts := strings.NewReplacer(places(t, busy.Addr().String())...)
				defer deleteAll(t, url)
				for _, s := range steps {
					s.check(t, url, texts)
				}
			})
		}
	}
}

func places(t *testing.T, busy string) (pairs []string) {
	for _, name := range []string{"A", "B", "C"} {
		addr := freeAddr(t)
		pairs = append(pairs, "{"+name+"}", addr, "{port"+name+"}", strings.TrimPrefix(addr, "127.0.0.1:"))
	}
	return append(pairs, "{busy}", busy)
}

func (s step) check(t *testing.T, url string, texts *strings.Replacer) {
	t.Helper()
	status, headers, body := call(t, s.method, url+s.path, texts.Replace(s.body), "Content-Type", "text/plain")
	body = strings.ReplaceAll(body, `"Logger":{},`, "") // an internal field that Toxiproxy leaks
	want := texts.Replace(s.want)
	matches := body == want
	if pattern, ok := strings.CutPrefix(want, "~"); ok {
		matches = regexp.MustCompile("^(?s:" + pattern + ")$").MatchString(body)
	}
	if status != s.status || !matches {
		t.Errorf("%s %s %s\n got %d %s\nwant %d %s", s.method, s.path, texts.Replace(s.body), status, body, s.status, want)
	}
	s.checkHeaders(t, headers)
}

func (s step) checkHeaders(t *testing.T, got http.Header) {
	t.Helper()
	routed := s.status != 301 && s.status != 405 && s.want != "404 page not found\n"
	if id := got.Get("X-Toxiproxy-Request-Id"); (len(id) == 20) != routed {
		t.Errorf("%s %s: request id %q", s.method, s.path, id)
	}
	want := map[string]string{"Content-Type": asJSON}
	switch {
	case s.path == "/version" && s.status == 200:
		want["Content-Type"] = "application/json;charset=utf-8"
	case s.status == 204 || s.status == 301 || s.status == 405:
		want["Content-Type"] = ""
	case s.status >= 400 && s.path != "/populate":
		want = map[string]string{"Content-Type": asText, "X-Content-Type-Options": "nosniff"}
	}
	if s.status == 301 {
		want["Location"] = map[string]string{"//proxies": "/proxies", "/x/../proxies": "/proxies", "/./version": "/version"}[s.path]
	}
	want["Allow"] = ""
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s %s: %s is %q, want %q", s.method, s.path, name, got.Get(name), value)
		}
	}
}

func deleteAll(t *testing.T, url string) {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(must(t, 200, "GET", url+"/proxies", "")), &all); err != nil {
		t.Fatal(err)
	}
	for name := range all {
		r, _ := http.NewRequest("DELETE", url+"/proxies/x", nil)
		r.URL.Path = "/proxies/" + name
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
}
