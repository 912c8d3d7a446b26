package api

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// Clients that can send attributes only, and toxiproxy-cli, whose numbers are all
// floats, put the rest there.
func TestSettingsInAttributes(t *testing.T) {
	_, url := serve(t, Config{})
	newProxy(t, url, "p", freeAddr(t))
	path := url + "/proxies/p/toxics"
	for given, want := range map[string]string{
		`"half_close","attributes":{"at.byte":93,"after_read":true,"seed":4}`: `{"attributes":{"after_read":true},"name":"t","type":"half_close","stream":"downstream","toxicity":1,"at":{"byte":93},"seed":4}`,
		`"latency","attributes":{"latency":5,"connections":"1-3"}`:            `{"attributes":{"latency":5,"jitter":0},"name":"t","type":"latency","stream":"downstream","toxicity":1,"connections":"1-3"}`,
		`"latency","attributes":{"connections":2}`:                            `{"attributes":{"latency":0,"jitter":0},"name":"t","type":"latency","stream":"downstream","toxicity":1,"connection":2}`,
		`"noop","attributes":{"at":{"opposite":"GET /"},"connection":7}`:      `{"attributes":{},"name":"t","type":"noop","stream":"downstream","toxicity":1,"at":{"opposite":"GET /"},"connection":7}`,
		`"noop","connections":"4-","seed":-1`:                                 `{"attributes":{},"name":"t","type":"noop","stream":"downstream","toxicity":1,"connections":"4-","seed":-1}`,
	} {
		if got := must(t, 200, "POST", path, `{"name":"t","type":`+given+`}`); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
		if got := must(t, 200, "GET", path+"/t", ""); got != want {
			t.Errorf("%s: shown as %s, want %s", given, got, want)
		}
		must(t, 204, "DELETE", path+"/t", "")
		if again := must(t, 200, "POST", path, want); again != want {
			t.Errorf("sent %s, got %s", want, again)
		}
		must(t, 204, "DELETE", path+"/t", "")
	}
	// A frame needs a framing: its own, or that of the proxy.
	const framed = `{"name":"t","type":"reset","attributes":{"at.frame":"3+2"}}`
	if status, _, answer := call(t, "POST", path, framed); status != 400 || !strings.Contains(answer, "at.frame needs a framing") {
		t.Errorf("got %d %s", status, answer)
	}
	must(t, 200, "POST", url+"/proxies/p", `{"framing":"length-prefix=4"}`)
	if got := must(t, 200, "POST", path, framed); !strings.Contains(got, `"at":{"frame":"3+2","framing":"length-prefix=4"}`) {
		t.Errorf("got %s", got)
	}
	if got := must(t, 200, "PATCH", path+"/t", `{"at":{"frame":2}}`); !strings.Contains(got, `"at":{"frame":"2","framing":"length-prefix=4"}`) {
		t.Errorf("got %s", got)
	}
	if got := must(t, 200, "GET", url+"/proxies/p", ""); !strings.Contains(got, `"framing":"length-prefix=4"`) {
		t.Errorf("got %s", got)
	}
	if status, _, answer := call(t, "POST", url+"/proxies/p", `{"framing":"lines"}`); status != 400 || !strings.Contains(answer, "framing") {
		t.Errorf("got %d %s", status, answer)
	}
	must(t, 204, "DELETE", path+"/t", "")
	for body, want := range map[string]string{
		`{"type":"noop","attributes":{"at.byte":-1}}`:               "at.byte",
		`{"type":"noop","attributes":{"at.bite":1}}`:                `did you mean \"byte\"`,
		`{"type":"noop","attributes":{"at":7}}`:                     "at must be an object",
		`{"type":"noop","attributes":{"connections":"3-1"}}`:        "connections must be",
		`{"type":"noop","connections":{}}`:                          "connections must be",
		`{"type":"noop","connections":0.5}`:                         "connections must be",
		`{"type":"noop","attributes":{"connection":-1}}`:            "connection",
		`{"type":"noop","attributes":{"seed":"x"}}`:                 "seed",
		`{"type":"noop","attributes":{"at.byte":1,"at.segment":1}}`: "at takes one of",
		`{"type":"latency","attributes":{"distribution":"cauchy"}}`: "distribution must be one of uniform, normal, pareto",
		`{"type":"latency","attributes":{"distribution":1}}`:        "distribution must be one of",
		`{"type":"bandwidth","attributes":{"shared":"maybe"}}`:      "shared must be true or false",
		`{"type":"packet_loss","attributes":{"loss_rate":2}}`:       "loss_rate must be a number from 0 to 1",
		`{"type":"packet_loss","attributes":{"loss_rate":1e999}}`:   "loss_rate",
		`{"type":"packet_loss","attributes":{"rto":0}}`:             "rto must be at least 1",
		`{"type":"limit_time","attributes":{"time":-1}}`:            "time must be at least 0",
		`{"type":"limit_time","attributes":{"ending":"no"}}`:        "ending must be one of fin, reset",
		`{"type":"refuse","connections":"1-3"}`:                     "refuse",
	} {
		status, _, answer := call(t, "POST", path, body)
		if status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: got %d %s, want 400 and %s", body, status, answer, want)
		}
	}
}

// What is ours in an update replaces what was, and nothing else.
func TestSettingsAreUpdated(t *testing.T) {
	_, url := serve(t, Config{})
	newProxy(t, url, "p", freeAddr(t))
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"latency","connections":"1-3","seed":5,"attributes":{"distribution":"normal"}}`)
	path := url + "/proxies/p/toxics/latency_downstream"
	const head, tail = `{"attributes":{"latency":0,"jitter":0`, `},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1`
	for _, step := range []struct{ patch, want string }{
		{`{}`, head + `,"distribution":"normal"` + tail + `,"connections":"1-3","seed":5}`},
		{`{"connection":2}`, head + `,"distribution":"normal"` + tail + `,"connection":2,"seed":5}`},
		{`{"attributes":{"distribution":"uniform","connections":"2-"}}`, head + tail + `,"connections":"2-","seed":5}`},
		{`{"connection":0,"seed":6}`, head + tail + `,"seed":6}`},
	} {
		if got := must(t, 200, "PATCH", path, step.patch); got != step.want {
			t.Errorf("%s: got %s, want %s", step.patch, got, step.want)
		}
	}
}

// Connections two and three are reset, and no other.
func TestConnectionRange(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"reset","at":{"byte":2},"connections":"2-3"}`)
	for i := range 4 {
		p := connect(t, d, addr, upstream)
		p.send(t, p.server, "answer")
		_ = p.server.CloseWrite()
		if i == 1 || i == 2 {
			wantEnding(t, fmt.Sprint("client ", i+1), p.client, "an", event.Reset)
			continue
		}
		wantEnding(t, fmt.Sprint("client ", i+1), p.client, "answer", event.EOF)
	}
}

// The answer to one request is struck, by what the request says.
func TestConditionOnTheOtherDirection(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"reset","at":{"opposite":"GET /slow"}}`)
	p := connect(t, d, addr, upstream)
	for _, request := range []string{"GET /fast\n", "GET /slo\n"} {
		p.send(t, p.client, request)
		wantRead(t, p.server, request)
		p.send(t, p.server, "answer")
		wantRead(t, p.client, "answer")
	}
	p.send(t, p.client, "GET /sl")
	wantRead(t, p.server, "GET /sl")
	p.send(t, p.client, "ow\n")
	wantEnding(t, "client", p.client, "", event.Reset)

	other := connect(t, d, addr, upstream)
	other.send(t, other.server, "unasked")
	wantRead(t, other.client, "unasked")
}

// A connection that is closed after a time ends on both sides, as asked for,
// also when nobody reads.
func TestLimitTime(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	for word, ending := range map[string]event.Ending{"fin": event.EOF, "reset": event.Reset} {
		must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"limit_time","attributes":{"time":300,"ending":"`+word+`"}}`)
		p := connect(t, d, addr, upstream)
		p.send(t, p.client, "request")
		wantRead(t, p.server, "request")
		p.send(t, p.server, "answer")
		wantRead(t, p.client, "answer")
		wantEnding(t, word+": client", p.client, "", ending)
		wantEnding(t, word+": server", p.server, "", ending)

		stuck := connect(t, d, addr, upstream)
		_, _ = stuck.server.Write(make([]byte, 64<<20)) // the client reads none of it
		if _, got := endingOf(stuck.server); got == event.Timeout {
			t.Errorf("%s: the server that nobody reads from sees no end", word)
		}
		until(t, "nothing is open", func() bool { return must(t, 200, "GET", url+"/connections", "") == "[]" })
		must(t, 204, "DELETE", url+"/proxies/p/toxics/limit_time_downstream", "")
	}
}

// Two proxies of two daemons with different seeds do the same where the toxic has one.
func TestSeedOfAToxic(t *testing.T) {
	struck := func(seed int64) string {
		d, url := serve(t, Config{Seed: seed})
		upstream := listen(t)
		addr := newProxy(t, url, fmt.Sprint("p", seed), upstream.Addr().String())
		must(t, 200, "POST", url+fmt.Sprint("/proxies/p", seed, "/toxics"), `{"type":"half_close","toxicity":0.5,"seed":12}`)
		var word strings.Builder
		for range 12 {
			p := connect(t, d, addr, upstream)
			p.send(t, p.server, "x")
			var b [1]byte
			if n, _ := p.client.Read(b[:]); n == 0 {
				word.WriteByte('T')
			} else {
				word.WriteByte('.')
			}
			for _, c := range []*net.TCPConn{p.client, p.server} {
				_ = c.Close()
			}
		}
		return word.String()
	}
	first, second := struck(1), struck(2)
	if first != second || !strings.Contains(first, "T") || !strings.Contains(first, ".") {
		t.Errorf("struck %s and %s", first, second)
	}
}
