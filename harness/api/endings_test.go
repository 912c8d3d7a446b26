package api

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// A pair is a client and a server on both sides of a proxy of the daemon.
type pair struct{ client, server *net.TCPConn }

func connect(t *testing.T, d *Daemon, addr string, upstream *net.TCPListener) pair {
	t.Helper()
	p := pair{dial(t, addr), accept(t, upstream)}
	until(t, "the links are made", func() bool {
		return slices.ContainsFunc(d.openConnections(connectionFilter{client: p.client.LocalAddr().String()}), func(c openConnection) bool { return c.Server.Address != "" })
	})
	return p
}

func (p pair) send(t *testing.T, c *net.TCPConn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got[:n], err, want)
	}
}

// Each ending that a client of the API can ask for is what both sides see.
func TestEndings(t *testing.T) {
	cases := []struct {
		name   string
		toxics []string
		act    func(t *testing.T, url string, p pair)
	}{
		{"no toxic, half-close", nil, func(t *testing.T, _ string, p pair) {
			p.send(t, p.client, "question")
			_ = p.client.CloseWrite()
			wantEnding(t, "server", p.server, "question", event.EOF)
			p.send(t, p.server, "answer")
			_ = p.server.CloseWrite()
			wantEnding(t, "client", p.client, "answer", event.EOF)
		}},
		{"no toxic, reset", nil, func(t *testing.T, _ string, p pair) {
			_ = p.server.SetLinger(0)
			_ = p.server.Close()
			wantEnding(t, "client", p.client, "", event.Reset)
		}},
		{"half_close at a byte", []string{`{"type":"half_close","at":{"byte":3}}`}, func(t *testing.T, _ string, p pair) {
			p.send(t, p.server, "abcdef")
			wantEnding(t, "client", p.client, "abc", event.EOF)
			p.send(t, p.client, "still here")
			_ = p.client.CloseWrite()
			wantEnding(t, "server", p.server, "still here", event.EOF)
		}},
		{"reset at a pattern", []string{`{"type":"reset","at":{"pattern":"\r\n"}}`}, func(t *testing.T, _ string, p pair) {
			p.send(t, p.server, "one\r\ntwo")
			wantEnding(t, "client", p.client, "one\r\n", event.Reset)
			wantEnding(t, "server", p.server, "", event.Reset)
		}},
		{"reset_peer", []string{`{"type":"reset_peer","stream":"upstream"}`}, func(t *testing.T, _ string, p pair) {
			p.send(t, p.client, "x")
			wantEnding(t, "client", p.client, "", event.Reset)
			wantEnding(t, "server", p.server, "", event.Reset)
		}},
		{"reset_peer on a live connection", nil, func(t *testing.T, url string, p pair) {
			p.send(t, p.client, "before")
			wantRead(t, p.server, "before")
			must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"reset_peer"}`)
			p.send(t, p.server, "x")
			wantEnding(t, "client", p.client, "", event.Reset)
			wantEnding(t, "server", p.server, "", event.Reset)
		}},
		{"reset_peer of toxicity 0", []string{`{"type":"reset_peer","toxicity":0}`}, func(t *testing.T, _ string, p pair) {
			p.send(t, p.server, "x")
			_ = p.server.CloseWrite()
			wantEnding(t, "client", p.client, "x", event.EOF)
		}},
		{"limit_data", []string{`{"type":"limit_data","attributes":{"bytes":2}}`}, func(t *testing.T, _ string, p pair) {
			p.send(t, p.server, "ab")
			wantEnding(t, "client", p.client, "ab", event.EOF)
			wantEnding(t, "server", p.server, "", event.EOF)
		}},
		{"timeout removed", []string{`{"type":"timeout"}`}, func(t *testing.T, url string, p pair) {
			until(t, "the toxic is at work", func() bool {
				return strings.Contains(must(t, 200, "GET", url+"/connections", ""), `"toxics":["timeout_downstream"]`)
			})
			p.send(t, p.server, "lost")
			must(t, 204, "DELETE", url+"/proxies/p/toxics/timeout_downstream", "")
			wantEnding(t, "client", p.client, "", event.EOF)
			wantEnding(t, "server", p.server, "", event.EOF)
		}},
		{"bandwidth 0 removed", []string{`{"type":"bandwidth","attributes":{"rate":0}}`}, func(t *testing.T, url string, p pair) {
			p.send(t, p.server, "held")
			until(t, "the proxy holds it", func() bool {
				return strings.Contains(must(t, 200, "GET", url+"/connections", ""), `"downstream":{"received_bytes":4,"sent_bytes":0`)
			})
			must(t, 204, "DELETE", url+"/proxies/p/toxics/bandwidth_downstream", "")
			wantRead(t, p.client, "held")
			_ = p.server.CloseWrite()
			wantEnding(t, "client", p.client, "", event.EOF)
		}},
		{"disabled", nil, func(t *testing.T, url string, p pair) {
			must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":false}`)
			wantEnding(t, "client", p.client, "", event.EOF)
			wantEnding(t, "server", p.server, "", event.EOF)
		}},
		{"deleted", nil, func(t *testing.T, url string, p pair) {
			must(t, 204, "DELETE", url+"/proxies/p", "")
			wantEnding(t, "client", p.client, "", event.EOF)
			wantEnding(t, "server", p.server, "", event.EOF)
		}},
		{"other upstream", nil, func(t *testing.T, url string, p pair) {
			must(t, 200, "PATCH", url+"/proxies/p", `{"upstream":"127.0.0.1:1"}`)
			wantEnding(t, "client", p.client, "", event.EOF)
		}},
		{"refuse leaves what is open", nil, func(t *testing.T, url string, p pair) {
			must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"refuse"}`)
			p.send(t, p.server, "alive")
			wantRead(t, p.client, "alive")
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, url := serve(t, Config{Seed: 1})
			upstream := listen(t)
			addr := newProxy(t, url, "p", upstream.Addr().String())
			for _, text := range c.toxics {
				must(t, 200, "POST", url+"/proxies/p/toxics", text)
			}
			c.act(t, url, connect(t, d, addr, upstream))
		})
	}
}

func TestModes(t *testing.T) {
	_, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	refused := func(why string) {
		t.Helper()
		if _, err := tryDial(addr); endingFor(err) != event.Refused {
			t.Errorf("%s: dial says %v, want refused", why, err)
		}
	}
	accepted := func() { t.Helper(); dial(t, addr); accept(t, upstream) }
	if got := must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"refuse"}`); !strings.Contains(got, `"enabled":true,"mode":"refuse"`) {
		t.Errorf("got %s", got)
	}
	refused("mode refuse")
	must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":false}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":true}`)
	refused("mode refuse, disabled and enabled")
	must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"accept"}`)
	accepted()
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"refuse"}`)
	refused("toxic refuse")
	must(t, 204, "DELETE", url+"/proxies/p/toxics/refuse_downstream", "")
	accepted()
	must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"refuse"}`)
	must(t, 204, "POST", url+"/reset", "")
	accepted()
	if got := must(t, 400, "PATCH", url+"/proxies/p", `{"mode":"vanish"}`); !strings.Contains(got, "mode must be accept, refuse or blackhole") {
		t.Errorf("got %s", got)
	}
	must(t, 400, "POST", url+"/proxies", `{"name":"q","upstream":"127.0.0.1:1","mode":""}`)
}

// A client whose upstream is down connects and then reads FIN, as with Toxiproxy.
func TestUpstreamDown(t *testing.T) {
	_, url := serve(t, Config{})
	addr := newProxy(t, url, "p", freeAddr(t))
	wantEnding(t, "client", dial(t, addr), "", event.EOF)
}

// Toxics come with a proxy, from a configuration too, and a trigger picks byte
// and connection.
func TestToxicsOfAConfiguration(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	config := fmt.Sprintf(`[{"name":"p","listen":"127.0.0.1:0","upstream":%q,"seed":7,"toxics":[
		{"type":"half_close","at":{"byte":2},"connection":2},{"type":"latency","stream":"upstream","attributes":{"latency":1}}]}]`, upstream.Addr().String())
	if n, err := d.PopulateFrom(t.Context(), strings.NewReader(config)); n != 1 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	text := must(t, 200, "GET", url+"/proxies/p", "")
	want := `"seed":7,"toxics":[{"attributes":{"latency":1,"jitter":0},"name":"latency_upstream","type":"latency","stream":"upstream","toxicity":1},` +
		`{"attributes":{"after_read":false},"name":"half_close_downstream","type":"half_close","stream":"downstream","toxicity":1,"at":{"byte":2},"connection":2}]}`
	if !strings.HasSuffix(text, want) {
		t.Errorf("got %s, want it to end in %s", text, want)
	}
	m, err := d.findProxy("p")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"whole", "wh"} {
		p := connect(t, d, m.asJSON().Listen, upstream)
		p.send(t, p.server, "whole")
		_ = p.server.CloseWrite()
		wantEnding(t, "client", p.client, want, event.EOF)
	}
	for _, bad := range []string{`[{"name":"p","upstream":"127.0.0.1:1","toxics":[{"type":"slicer"}]}]`, `[{"name":"p","upstream":"127.0.0.1:1","toxics":{}}]`,
		`[{"name":"p","upstream":"127.0.0.1:1","toxics":[{"type":"noop"},{"type":"noop"}]}]`} {
		if _, err := d.PopulateFrom(t.Context(), strings.NewReader(bad)); err == nil || !strings.HasSuffix(err.Error(), "at proxy 1") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}
