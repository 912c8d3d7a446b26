package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest sends anything to a daemon that has a proxy with toxics. Whatever
// it answers is well-formed, and the daemon goes on.
func FuzzRequest(f *testing.F) {
	for _, steps := range contract {
		for _, s := range steps {
			f.Add(s.method, s.path, s.body)
		}
	}
	f.Add("POST", "/proxies/p/toxics", `{"type":"slice","at":{"byte":1e3},"attributes":{"sizes":[1,2,"x"]},"connection":2}`)
	f.Add("POST", "/populate", `[{"name":"q","upstream":"127.0.0.1:1","enabled":false,"mode":"refuse","seed":3,"toxics":[{"type":"corrupt","attributes":{"every":"4KiB"}}]}]`)
	f.Add("PATCH", "/proxies/p/toxics/t", `{"attributes":{"latency":9e9},"at":null}`)
	f.Add("PATCH", "/proxies/p", `{"upstreams":["a:1","unix:/b"],"balance":"random","fallback":false,"proxy_protocol":"v2","tls":{"terminate":{"generated":false,"names":["a"]},"originate":{"server_name":"b"},"protocols":["h2"]}}`)
	f.Add("POST", "/proxies", `{"name":"q","upstream":"unix:@x","enabled":false,"tls":{"originate":{"ca":"/dev/null"}}}`)
	f.Add("POST", "/proxies/p/toxics", `{"type":"packet_loss","connections":"1-3","seed":-1,"at":{"opposite":"x"},"attributes":{"loss_rate":0.5,"correlation":1e-3,"rto":"2s"}}`)
	f.Add("POST", "/proxies/p/toxics", `{"type":"latency","attributes":{"distribution":"pareto","jitter":5,"at.byte":93,"connections":4,"seed":1,"at":{"event":"eof"}}}`)
	f.Add("PATCH", "/proxies/p/toxics/t", `{"attributes":{"shared":true,"at.time":"5ms"},"connections":"4-"}`)
	f.Add("PATCH", "/proxies/p", `{"half_close_idle":"1h","upstream_down":"reset","idle":-1,"associations":"7"}`)
	f.Add("POST", "/config/save", ``)
	f.Add("GET", "/ca.pem", ``)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		target, err := url.Parse(path)
		if err != nil || strings.HasPrefix(target.Path, "/events") || strings.Contains(body, "isten") || strings.Contains(body, "ISTEN") {
			t.Skip() // a stream does not end, and other addresses are not ours
		}
		d := New(Config{})
		defer func() { _ = d.Close() }()
		if status := ask(d, "POST", "/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1","enabled":false}`); status != 201 {
			t.Fatal(status)
		}
		if status := ask(d, "POST", "/proxies/p/toxics", `{"name":"t","type":"latency"}`); status != 200 {
			t.Fatal(status)
		}
		w := recorder{header: http.Header{}}
		r := &http.Request{Method: method, URL: target, Host: "localhost", Header: http.Header{}, Body: http.NoBody}
		r.Body = nopCloser{strings.NewReader(withoutStart(body))}
		d.ServeHTTP(&w, r.WithContext(t.Context()))
		check(t, &w)
		if status := ask(d, "GET", "/proxies", ""); status != 200 {
			t.Errorf("afterwards: %d", status)
		}
	})
}

// FuzzLocate reads anything as a configuration. A mistake is within the text.
func FuzzLocate(f *testing.F) {
	for _, text := range []string{"", "[", "[]", "{}", "7", "[{\"name\":\n1}]", "[\n {\"name\": x}]", "[{\"toxics\":7}]\n\n", "\xff", "[{\"seed\":1e99}]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var list []proxyInput
		err := locateError([]byte(text), json.NewDecoder(strings.NewReader(text)).Decode(&list))
		var at *SyntaxError
		if !errors.As(err, &at) {
			return
		}
		lines := strings.SplitAfter(text, "\n")
		if at.Line < 1 || at.Line > len(lines) || at.Column < 1 || at.Column > len(lines[at.Line-1])+1 || at.Err.Error() == "" {
			t.Errorf("%q: got %v", text, at)
		}
	})
}

type nopCloser struct{ *strings.Reader }

func (nopCloser) Close() error { return nil }

// withoutStart keeps fuzzing from binding every port there is.
func withoutStart(body string) string {
	return strings.ReplaceAll(body, "true", "false")
}

func check(t *testing.T, w *recorder) {
	t.Helper()
	if w.status < 200 || w.status > 599 {
		t.Errorf("status %d", w.status)
	}
	text := w.body.Bytes()
	if w.header.Get("Content-Type") == "application/json" && !json.Valid(text) {
		t.Errorf("not JSON: %q", text)
	}
	if w.status >= 400 && len(text) > 0 && text[0] == '{' {
		var f failure
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(&f); err != nil || f.Status != w.status || f.Message == "" {
			t.Errorf("status %d, failure %+v, %v", w.status, f, err)
		}
	}
}
