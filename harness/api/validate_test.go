package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// What kills Toxiproxy is refused, and the answer names the attribute.
func TestCrashInputsAreRefused(t *testing.T) {
	_, url := serve(t, Config{})
	newProxy(t, url, "p", freeAddr(t))
	for body, want := range map[string]string{
		`{"type":"slicer"}`: "average_size must be at least 1",
		`{"type":"slicer","attributes":{"average_size":-1}}`:                      "average_size",
		`{"type":"slicer","attributes":{"average_size":10,"size_variation":100}}`: "size_variation",
		`{"type":"bandwidth","attributes":{"rate":-1}}`:                           "rate",
		`{"type":"bandwidth","attributes":{"rate":93000000000000000}}`:            "rate",
		`{"type":"latency","attributes":{"jitter":4611686018427387904}}`:          "jitter",
		`{"type":"latency","attributes":{"latency":9223372036854775807}}`:         "latency",
		`{"type":"latency","attributes":{"latency":99999999999999999999999999}}`:  "latency",
		`{"type":"latency","attributes":{"latency":true}}`:                        "latency",
		`{"type":"half_close","attributes":{"after_raed":true}}`:                  "did you mean",
		`{"type":"half_close","at":{"byte":-1}}`:                                  "at.byte",
		`{"type":"half_close","at":{"byte":1,"time":5}}`:                          "at takes one of",
		`{"type":"half_close","at":[]}`:                                           "at must be an object",
		`{"type":"half_close","at":{"pattern":""}}`:                               "at.pattern",
		`{"type":"refuse","connection":2}`:                                        "refuse",
		`{"type":"refuse","at":{"byte":2}}`:                                       "trigger",
		`{"type":"slice","attributes":{"sizes":[0]}}`:                             "sizes",
		`{"type":"noop","connection":-1}`:                                         "connection must be a whole number from 0, got number -1",
		`{"type":"noop","seed":"x"}`:                                              "seed must be a whole number, got string",
		`{"type":"noop","toxicity":1e39}`:                                         "toxicity",
	} {
		status, _, answer := call(t, "POST", url+"/proxies/p/toxics", body)
		if status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: got %d %s, want 400 and %q", body, status, answer, want)
		}
	}
	if got := must(t, 200, "GET", url+"/proxies/p/toxics", ""); got != "[]" {
		t.Errorf("left behind: %s", got)
	}
}

// An update that is refused changes nothing.
func TestUpdateIsAtomic(t *testing.T) {
	_, url := serve(t, Config{})
	newProxy(t, url, "p", freeAddr(t))
	before := must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"latency","attributes":{"latency":1,"jitter":2},"toxicity":0.3}`)
	path := url + "/proxies/p/toxics/latency_downstream"
	must(t, 400, "PATCH", path, `{"toxicity":0.5,"attributes":{"jitter":4,"latency":"x"}}`)
	must(t, 400, "PATCH", path, `{"attributes":{"jitter":4},"at":{"byte":-1}}`)
	if after := must(t, 200, "GET", path, ""); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
	want := `{"attributes":{"latency":1,"jitter":4},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":0.3,"at":{"time":200},"connection":2}`
	if got := must(t, 200, "PATCH", path, `{"attributes":{"jitter":4},"at":{"time":"200ms"},"connection":2}`); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := must(t, 200, "PATCH", path, `{"at":{},"connection":0}`); strings.Contains(got, "at\"") || strings.Contains(got, "connection") {
		t.Errorf("got %s", got)
	}
}

// Every type of the catalogue is echoed so that what is shown can be sent back.
func TestEchoCanBeSentBack(t *testing.T) {
	_, url := serve(t, Config{})
	newProxy(t, url, "p", freeAddr(t))
	for i, body := range []string{`{"type":"slice","attributes":{"sizes":"1,2"},"at":{"segment":2}}`, `{"type":"coalesce","attributes":{"bytes":"64KiB"}}`,
		`{"type":"corrupt","attributes":{"offsets":[5,3]},"at":{"event":"eof"}}`, `{"type":"small_window","stream":"upstream"}`,
		`{"type":"stall","attributes":{"duration":"2s"}}`, `{"type":"vanish","at":{"pattern":"é\n"}}`, `{"type":"half_close","attributes":{"after_read":true}}`} {
		name := fmt.Sprint("t", i)
		first := must(t, 200, "POST", url+"/proxies/p/toxics", strings.Replace(body, "{", `{"name":"`+name+`",`, 1))
		must(t, 204, "DELETE", url+"/proxies/p/toxics/"+name, "")
		if again := must(t, 200, "POST", url+"/proxies/p/toxics", first); again != first {
			t.Errorf("sent %s, got %s", first, again)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	_, url := serve(t, Config{})
	got := must(t, 413, "POST", url+"/proxies", `{"name":"`+strings.Repeat("x", maxBody)+`"}`)
	if !strings.Contains(got, "more than 1048576 bytes") {
		t.Errorf("got %s", got)
	}
	must(t, 400, "POST", url+"/proxies", strings.Repeat("[", 20_000))
}

func TestGuard(t *testing.T) {
	_, open := serve(t, Config{Guard: Guard{Hosts: []string{"box"}}})
	_, locked := serve(t, Config{Guard: Guard{Token: "secret"}})
	host := strings.TrimPrefix(open, "http://")
	for _, c := range []struct {
		why, url string
		want     int
		headers  []string
	}{
		{"plain", open + "/proxies", 200, nil},
		{"browser", open + "/proxies", 403, []string{"User-Agent", "Mozilla/5.0"}},
		{"almost a browser", open + "/proxies", 200, []string{"User-Agent", "mozilla/5.0"}},
		{"browser where nothing is", open + "/nowhere", 404, []string{"User-Agent", "Mozilla/5.0"}},
		{"rebound name", open + "/proxies", 403, []string{"Host", "attacker.example"}},
		{"rebound name with port", open + "/healthz", 403, []string{"Host", "attacker.example:8474"}},
		{"localhost", open + "/proxies", 200, []string{"Host", "LocalHost:1"}},
		{"IPv6", open + "/proxies", 200, []string{"Host", "[::1]:8474"}},
		{"allowed", open + "/proxies", 200, []string{"Host", "box:8474"}},
		{"foreign origin", open + "/proxies", 403, []string{"Origin", "http://attacker.example"}},
		{"no origin", open + "/proxies", 403, []string{"Origin", "null"}},
		{"own origin", open + "/proxies", 200, []string{"Origin", "http://" + host}},
		{"no token", locked + "/proxies", 401, nil},
		{"wrong token", locked + "/proxies", 401, []string{"Authorization", "Bearer secre"}},
		{"basic", locked + "/proxies", 401, []string{"Authorization", "secret"}},
		{"token", locked + "/proxies", 200, []string{"Authorization", "Bearer secret", "Host", "anything"}},
		{"health", locked + "/healthz", 200, nil},
	} {
		status, headers, body := call(t, "GET", c.url, "", c.headers...)
		if status != c.want {
			t.Errorf("%s: got %d %s, want %d", c.why, status, body, c.want)
		}
		if (headers.Get("WWW-Authenticate") == "Bearer") != (status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", c.why, headers.Get("WWW-Authenticate"))
		}
	}
	if _, _, body := call(t, "GET", open+"/proxies", "", "User-Agent", "Mozilla/5.0"); body != "User agent not allowed\n" {
		t.Errorf("browser reads %q", body)
	}
}

// A small window is that of new connections; those that are open live on.
func TestSmallWindowIsTheSockets(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	open := connect(t, d, addr, upstream)
	segment := func() uint32 {
		t.Helper()
		p := connect(t, d, addr, upstream)
		info, err := sock.TCPInfo(p.client)
		if err != nil {
			t.Skip("NOT PROVEN here: this system does not tell the size of segments: ", err)
		}
		return info.SegmentSize
	}
	if usual := segment(); usual <= 100 {
		t.Fatalf("segments of %d bytes without a toxic", usual)
	}
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"small_window","stream":"upstream","attributes":{"segment_size":100}}`)
	if small := segment(); small > 100 {
		t.Errorf("segments of %d bytes with a small window", small)
	}
	must(t, 204, "DELETE", url+"/proxies/p/toxics/small_window_upstream", "")
	if usual := segment(); usual <= 100 {
		t.Errorf("segments of %d bytes afterwards", usual)
	}
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"small_window","stream":"downstream","attributes":{"segment_size":100}}`)
	if info, err := sock.TCPInfo(connect(t, d, addr, upstream).server); err != nil || info.SegmentSize > 100 {
		t.Errorf("segments from the upstream: %+v, %v", info, err)
	}
	must(t, 204, "POST", url+"/reset", "")
	if usual := segment(); usual <= 100 {
		t.Errorf("segments of %d bytes after a reset", usual)
	}
	_ = open.client.CloseWrite()
	wantEnding(t, "server", open.server, "", event.EOF)
}
