package api

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// subscribe returns the events of a stream, as they come.
func subscribe(t *testing.T, url string) <-chan event.Event {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if kind := response.Header.Get("Content-Type"); response.StatusCode != 200 || kind != "text/event-stream" {
		t.Fatalf("got %d %s", response.StatusCode, kind)
	}
	events := make(chan event.Event, 1000)
	go func() {
		defer close(events)
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var e event.Event
				if json.Unmarshal([]byte(text), &e) == nil {
					events <- e
				}
			}
		}
	}()
	return events
}

// kinds reads events until one of the kind, which is the last of those returned.
func kinds(t *testing.T, events <-chan event.Event, last event.Kind) string {
	t.Helper()
	var words []string
	for e := range events {
		words = append(words, string(e.Kind))
		if e.Kind == last {
			return strings.Join(words, " ")
		}
	}
	t.Fatalf("stream ended after %v", words)
	return ""
}

func TestEventsConnectionsMetrics(t *testing.T) {
	d, url := serve(t, Config{ProxyMetrics: true, RuntimeMetrics: true})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	newProxy(t, url, "other", freeAddr(t))
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"half_close","at":{"byte":2}}`)
	events, all := subscribe(t, url+"/events?proxy=p"), subscribe(t, url+"/events?bytes=true")

	p := connect(t, d, addr, upstream)
	p.send(t, p.client, "hello")
	wantRead(t, p.server, "hello")
	p.send(t, p.server, "abc")
	wantEnding(t, "client", p.client, "ab", event.EOF)

	var list []connection
	until(t, "what was carried is counted", func() bool { // a byte can be read before the proxy knows that it was sent
		if err := json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections?proxy=p", "")), &list); err != nil {
			t.Fatal(err)
		}
		return len(list) == 1 && list[0].Upstream.Sent == 5 && list[0].Downstream.Sent == 2
	})
	if list[0].Client.Address != p.client.LocalAddr().String() || list[0].Server.Address != upstream.Addr().String() {
		t.Errorf("got %+v", list)
	}
	must(t, 404, "GET", url+"/connections?proxy=none", "")
	if got := must(t, 200, "GET", url+"/connections?proxy=other", ""); got != "[]" {
		t.Errorf("got %s", got)
	}
	metrics := must(t, 200, "POST", url+"/metrics", "")
	for _, want := range []string{`toxiproxy_proxy_received_bytes_total{direction="upstream",listener="` + addr + `",proxy="p",upstream="` + upstream.Addr().String() + `"} 5`,
		`toxiproxy_proxy_sent_bytes_total{direction="downstream",listener="` + addr + `",proxy="p",upstream="` + upstream.Addr().String() + `"} 2`,
		`harness_connections_open{proxy="p"} 1`, `harness_faults_struck_total{proxy="p",toxic="half_close_downstream"} 1`, "go_goroutines ", "process_open_fds "} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in metrics", want)
		}
	}
	_ = p.client.Close()
	if got := kinds(t, events, event.Close); !strings.HasPrefix(got, "accept dial") || !strings.Contains(got, "struck") || strings.Contains(got, "bytes") {
		t.Errorf("got events %s", got)
	}
	if got := kinds(t, all, event.Close); !strings.Contains(got, "bytes") {
		t.Errorf("got events %s", got)
	}
	must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":false}`)
	metrics = must(t, 200, "GET", url+"/metrics", "")
	for _, want := range []string{`proxy="p",upstream="` + upstream.Addr().String() + `"} 5`, `harness_connections_open{proxy="p"} 0`,
		`harness_connections_ended_total{ending="eof",proxy="p",side="proxy"} 1`, `harness_connections_total{proxy="p"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in %s", want, metrics)
		}
	}
}

func TestDialErrorsAreCounted(t *testing.T) {
	_, url := serve(t, Config{ProxyMetrics: true})
	addr := newProxy(t, url, "p", freeAddr(t))
	wantEnding(t, "client", dial(t, addr), "", event.EOF)
	until(t, "the error is counted", func() bool {
		return strings.Contains(must(t, 200, "GET", url+"/metrics", ""), `harness_dial_errors_total{proxy="p"} 1`)
	})
}

// The byte counters of Toxiproxy have the same names and labels there.
func TestMetricsOfTheOriginal(t *testing.T) {
	ours, url := serve(t, Config{ProxyMetrics: true})
	systems := map[string]string{"ours": url}
	if url := original(t, "-proxy-metrics"); url != "" {
		systems["original"] = url
	}
	for name, url := range systems {
		upstream := listen(t)
		addr := newProxy(t, url, "p", upstream.Addr().String())
		c, s := dial(t, addr), accept(t, upstream)
		pair{c, s}.send(t, c, "hello")
		wantRead(t, s, "hello")
		_ = c.Close()
		_ = s.Close()
		want := `toxiproxy_proxy_received_bytes_total{direction="upstream",listener="` + addr + `",proxy="p",upstream="` + upstream.Addr().String() + `"} 5`
		until(t, name+" counts "+want, func() bool { return strings.Contains(must(t, 200, "GET", url+"/metrics", ""), want) })
	}
	_ = ours
}

// What there is to say of a proxy goes when the proxy does, with its last
// connection; what is said of one that is disabled, or replaced, stays.
func TestMetricsOfADeletedProxyGo(t *testing.T) {
	_, url := serve(t, Config{ProxyMetrics: true})
	upstream := listen(t)
	echo(t, upstream)
	said := func() string { return must(t, 200, "GET", url+"/metrics", "") }
	use := func(addr string) {
		if got, err := exchange(addr, []byte("hello")); string(got) != "hello" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	addr := newProxy(t, url, "brief", upstream.Addr().String())
	newProxy(t, url, "lasting", upstream.Addr().String())
	must(t, 200, "POST", url+"/proxies/brief/toxics", `{"type":"latency","attributes":{"latency":1}}`)
	use(addr)
	must(t, 200, "PATCH", url+"/proxies/brief", `{"listen":"127.0.0.1:0"}`)
	must(t, 201, "POST", url+"/populate", `[{"name":"brief","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}]`)
	if !strings.Contains(said(), `harness_connections_total{proxy="brief"} 1`) || !strings.Contains(said(), `listener="`+addr) {
		t.Fatalf("forgotten too soon: %s", said())
	}
	must(t, 204, "DELETE", url+"/proxies/brief", "")
	until(t, "the deleted proxy is forgotten", func() bool { return !strings.Contains(said(), `proxy="brief"`) })
	if !strings.Contains(said(), `harness_proxy_enabled{proxy="lasting"} 1`) {
		t.Errorf("forgotten: %s", said())
	}
	addr = newProxy(t, url, "brief", upstream.Addr().String())
	use(addr)
	until(t, "the next one of its name counts anew", func() bool {
		return strings.Contains(said(), `harness_connections_ended_total{ending="eof",proxy="brief",side="client"} 1`)
	})
}
