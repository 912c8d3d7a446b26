package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"github.com/sockharness/harness/harness/event"
)

// capitals answers every datagram in capitals.
func capitals(t *testing.T) (addr string) {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDP(b)
			if err != nil {
				return
			}
			_, _ = c.WriteToUDP([]byte(strings.ToUpper(string(b[:n]))), from)
		}
	}()
	return "udp:" + c.LocalAddr().String()
}

// newDatagrams creates a proxy before upstream and returns its address.
func newDatagrams(t *testing.T, url, upstream, more string) string {
	t.Helper()
	var shown proxyJSON
	text := must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":"d","listen":"udp:127.0.0.1:0","upstream":%q%s}`, upstream, more))
	if err := json.Unmarshal([]byte(text), &shown); err != nil || !strings.HasPrefix(shown.Listen, "udp:127.0.0.1:") {
		t.Fatalf("got %s, %v", text, err)
	}
	return shown.Listen
}

func dialDatagrams(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.Dial("udp", strings.TrimPrefix(addr, "udp:"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(bound))
	return c.(*net.UDPConn)
}

// askUDP sends a datagram; the next one that comes must be as wanted.
func askUDP(t *testing.T, c *net.UDPConn, payload, want string) {
	t.Helper()
	if _, err := c.Write([]byte(payload)); err != nil {
		t.Fatal(err)
	}
	hearUDP(t, c, want)
}

// hearUDP reads the next datagrams, which must be these.
func hearUDP(t *testing.T, c *net.UDPConn, wants ...string) {
	t.Helper()
	for _, want := range wants {
		b := make([]byte, 1<<16)
		if n, err := c.Read(b); err != nil || string(b[:n]) != want {
			t.Fatalf("got %q and %v, want %q", b[:n], err, want)
		}
	}
}

func TestDatagrams(t *testing.T) {
	_, url := serve(t, Config{ProxyMetrics: true, Seed: 7})
	upstream := capitals(t)
	addr := newDatagrams(t, url, upstream, `,"toxics":[{"type":"drop","name":"third","stream":"upstream","at":{"segment":3},"attributes":{"only":true}}]`)
	events := subscribe(t, url+"/events?proxy=d")
	client := dialDatagrams(t, addr)
	askUDP(t, client, "one", "ONE")
	askUDP(t, client, "two", "TWO")
	if _, err := client.Write([]byte("three")); err != nil {
		t.Fatal(err)
	}
	askUDP(t, client, "four", "FOUR")

	var list []connection
	until(t, "all is counted", func() bool {
		_ = json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections?proxy=d", "")), &list)
		// The answer can be here before the write that it answers has returned.
		return len(list) == 1 && *list[0].Downstream.SentDatagrams == 3 && *list[0].Upstream.SentDatagrams == 3
	})
	c := list[0]
	if c.Client.Address != client.LocalAddr().String() || "udp:"+c.Server.Address != upstream || *c.Upstream.ReceivedDatagrams != 4 ||
		*c.Upstream.SentDatagrams != 3 || c.Upstream.Sent != 10 || fmt.Sprint(c.Upstream.Toxics) != "[third]" {
		t.Errorf("got %+v", c)
	}
	labels := `{direction="upstream",listener="` + addr + `",proxy="d",upstream="` + upstream + `"}`
	wanted := []string{"harness_datagrams_received_total" + labels + " 4", "harness_datagrams_sent_total" + labels + " 3", "toxiproxy_proxy_sent_bytes_total" + labels + " 10",
		`harness_connections_open{proxy="d"} 1`, `harness_faults_struck_total{proxy="d",toxic="third"} 1`}
	metrics := must(t, 200, "GET", url+"/metrics", "")
	for _, want := range wanted {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in %s", want, metrics)
		}
	}

	must(t, 204, "DELETE", url+"/proxies/d/toxics/third", "")
	must(t, 200, "POST", url+"/proxies/d/toxics", `{"type":"duplicate","attributes":{"copies":2},"toxicity":0.5}`)
	must(t, 200, "PATCH", url+"/proxies/d/toxics/duplicate_downstream", `{"toxicity":1}`)
	askUDP(t, client, "again", "AGAIN")
	askUDP(t, client, "and", "AGAIN")
	hearUDP(t, client, "AGAIN", "AND", "AND", "AND")
	got := must(t, 200, "GET", url+"/proxies/d/toxics/duplicate_downstream", "")
	if want := `{"attributes":{"copies":2},"name":"duplicate_downstream","type":"duplicate","stream":"downstream","toxicity":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	must(t, 200, "PATCH", url+"/proxies/d", `{"enabled":false}`)
	if got := kinds(t, events, event.Close); got != "accept dial struck toxic-removed toxic-added toxic-updated struck struck proxy-disabled close" {
		t.Errorf("got events %s", got)
	}
	if metrics := must(t, 200, "GET", url+"/metrics", ""); !strings.Contains(metrics, "harness_datagrams_received_total"+labels+" 6") {
		t.Errorf("not kept: %s", metrics)
	}
}

// The life of a proxy is that of one for TCP, to the quirks.
func TestDatagramsLife(t *testing.T) {
	_, url := serve(t, Config{})
	upstream := capitals(t)
	addr := newDatagrams(t, url, upstream, "")
	client := dialDatagrams(t, addr)
	askUDP(t, client, "one", "ONE")
	must(t, 409, "POST", url+"/proxies", `{"name":"d","listen":"udp:127.0.0.1:0","upstream":"udp:127.0.0.1:1"}`)
	text := must(t, 500, "POST", url+"/proxies", fmt.Sprintf(`{"name":"e","listen":%q,"upstream":"udp:127.0.0.1:1"}`, addr))
	if want := "listen udp " + strings.TrimPrefix(addr, "udp:") + ": bind: address already in use"; !strings.Contains(text, want) {
		t.Errorf("got %s, want %s", text, want)
	}

	// Nothing that stays the same ends an association.
	same := fmt.Sprintf(`{"name":"d","listen":%q,"upstream":%q}`, addr, upstream)
	must(t, 200, "PATCH", url+"/proxies/d", same)
	must(t, 201, "POST", url+"/populate", "["+same+"]")
	var list []connection
	_ = json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections", "")), &list)
	if len(list) != 1 || list[0].ID != 1 {
		t.Errorf("got %+v", list)
	}
	must(t, 200, "PATCH", url+"/proxies/d", `{"mode":"refuse"}`)
	wantRefused(t, client)
	must(t, 200, "PATCH", url+"/proxies/d", `{"mode":"blackhole"}`)
	if got := must(t, 200, "GET", url+"/proxies/d", ""); !strings.Contains(got, `"mode":"blackhole"`) {
		t.Errorf("got %s", got)
	}
	must(t, 204, "POST", url+"/reset", "")
	askUDP(t, client, "two", "TWO")
	must(t, 200, "PATCH", url+"/proxies/d", `{"enabled":false}`)
	wantRefused(t, client)
	must(t, 200, "PATCH", url+"/proxies/d", `{"enabled":true}`)
	askUDP(t, client, "three", "THREE")
	other := capitals(t)
	must(t, 200, "PATCH", url+"/proxies/d", fmt.Sprintf(`{"upstream":%q}`, other))
	askUDP(t, client, "four", "FOUR")
	must(t, 204, "DELETE", url+"/proxies/d", "")
	wantRefused(t, client)
}

func wantRefused(t *testing.T, c *net.UDPConn) {
	t.Helper()
	_, _ = c.Write([]byte("x"))
	if n, err := c.Read(make([]byte, 10)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("read %d bytes and %v, want ECONNREFUSED", n, err)
	}
}

// What is for the other kind of proxy is refused, with the reason.
func TestDatagramsAndStreamsDoNotMix(t *testing.T) {
	_, url := serve(t, Config{})
	newDatagrams(t, url, capitals(t), "")
	newProxy(t, url, "s", freeAddr(t))
	for _, test := range [][3]string{
		{"POST", "/proxies/d/toxics {\"type\":\"half_close\"}", "toxic half_close: works on streams only, and this proxy forwards datagrams"},
		{"POST", "/proxies/d/toxics {\"type\":\"slicer\",\"attributes\":{\"average_size\":1}}", "toxic slicer: works on streams only"},
		{"POST", "/proxies/d/toxics {\"type\":\"refuse\"}", "toxic refuse: works on streams only"},
		{"POST", "/proxies/d/toxics {\"type\":\"nothing\"}", "invalid toxic type"},
		{"POST", "/proxies/s/toxics {\"type\":\"drop\"}", "toxic drop: works on datagrams only, and this proxy forwards streams"},
		{"POST", "/proxies/d/toxics {\"type\":\"drop\",\"attributes\":{\"burst\":0}}", "toxic drop: burst must be at least 1, got 0"},
		{"POST", "/proxies/d/toxics {\"type\":\"drop\",\"attributes\":{\"bursts\":1}}", "did you mean \\\"burst\\\""},
		{"POST", "/proxies/d/toxics {\"type\":\"latency\",\"attributes\":{\"latency\":\"soon\"}}", "latency must be whole milliseconds"},
		{"POST", "/proxies/d/toxics {\"type\":\"drop\",\"at\":{\"event\":\"fin\"}}", "at.event=fin does not occur with datagrams"},
		{"POST", "/proxies {\"name\":\"x\",\"listen\":\"udp:127.0.0.1:0\",\"upstream\":\"127.0.0.1:1\"}", "begin both with udp: or remove it"},
		{"POST", "/proxies {\"name\":\"x\",\"listen\":\"127.0.0.1:0\",\"upstream\":\"udp:127.0.0.1:1\"}", "begin both with udp: or remove it"},
		{"POST", "/proxies {\"name\":\"x\",\"listen\":\"127.0.0.1:0\",\"upstream\":\"127.0.0.1:1\",\"toxics\":[{\"type\":\"drop\"}]}", "works on datagrams only"},
		{"PATCH", "/proxies/d {\"upstream\":\"127.0.0.1:1\"}", "begin both with udp: or remove it"},
	} {
		path, body, _ := strings.Cut(test[1], " ")
		if got := must(t, 400, test[0], url+path, body); !strings.Contains(got, test[2]) {
			t.Errorf("%v: got %s", test[:2], got)
		}
	}
	// latency and bandwidth are for both, and a proxy with toxics stays what it is.
	must(t, 200, "POST", url+"/proxies/d/toxics", `{"type":"latency","attributes":{"latency":1,"jitter":1}}`)
	must(t, 200, "POST", url+"/proxies/d/toxics", `{"type":"bandwidth","attributes":{"rate":1000}}`)
	if got := must(t, 400, "PATCH", url+"/proxies/d", `{"listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`); !strings.Contains(got, "delete them first") {
		t.Errorf("got %s", got)
	}
	must(t, 204, "POST", url+"/reset", "")
	if got := must(t, 200, "PATCH", url+"/proxies/d", `{"listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`); strings.Contains(got, "udp:") {
		t.Errorf("got %s", got)
	}
}

// Toxiproxy's own client manages a proxy of datagrams.
func TestDatagramsByToxiproxysClient(t *testing.T) {
	_, url := serve(t, Config{})
	p, err := toxiproxy.NewClient(url).CreateProxy("d", "udp:127.0.0.1:0", capitals(t))
	if err != nil {
		t.Fatal(err)
	}
	client := dialDatagrams(t, p.Listen)
	askUDP(t, client, "one", "ONE")
	toxic, err := p.AddToxic("", "truncate", "downstream", 1, toxiproxy.Attributes{"size": 2})
	if err != nil || toxic.Name != "truncate_downstream" {
		t.Fatalf("got %+v, %v", toxic, err)
	}
	askUDP(t, client, "one", "ON")
	if _, err := p.UpdateToxic("truncate_downstream", 1, toxiproxy.Attributes{"size": 1}); err != nil {
		t.Fatal(err)
	}
	askUDP(t, client, "one", "O")
	if err := p.RemoveToxic("truncate_downstream"); err != nil {
		t.Fatal(err)
	}
	askUDP(t, client, "one", "ONE")
	if err := p.Disable(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, client)
}

// An association that is over is shown with the connections that are.
func TestClosedAssociations(t *testing.T) {
	_, url := serve(t, Config{})
	addr := newDatagrams(t, url, capitals(t), `,"idle":"50ms"`)
	client := dialDatagrams(t, addr)
	askUDP(t, client, "one", "ONE")
	var list []connection
	until(t, "the association is over", func() bool {
		_ = json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections?closed&proxy=d", "")), &list)
		return len(list) == 1
	})
	c := list[0]
	if c.Client.Address != client.LocalAddr().String() || c.Upstream.Sent != 3 || *c.Downstream.SentDatagrams != 1 || c.Ended == nil || !strings.Contains(c.Reason, "idle") {
		t.Errorf("got %+v", c)
	}
	if one := must(t, 200, "GET", fmt.Sprintf("%s/connections/%d", url, c.ID), ""); !strings.Contains(one, `"ended"`) {
		t.Errorf("got %s", one)
	}
}

// What can be done to a connection can be done to an association, as far as datagrams have it.
func TestAssociationsAreActedOn(t *testing.T) {
	_, url := serve(t, Config{})
	addr := newDatagrams(t, url, capitals(t), "")
	client := dialDatagrams(t, addr)
	askUDP(t, client, "one", "ONE")
	first := openAssociation(t, url)
	at := fmt.Sprintf("%s/connections/%d", url, first.ID)

	must(t, 200, "POST", at+"/toxics", `{"type":"truncate","name":"cut","attributes":{"size":2}}`)
	askUDP(t, client, "two", "TW")
	must(t, 204, "DELETE", at+"/toxics/cut", "")
	askUDP(t, client, "two", "TWO")
	for call, want := range map[string]string{"/toxics {\"type\":\"half_close\"}": "works on streams only", "/toxics {\"type\":\"none\"}": "invalid toxic type",
		"/half_close?stream=upstream ": "datagrams have no FIN", "/end?at=5&stream=upstream ": "datagrams have no FIN", "/record ": "datagrams have no FIN"} {
		path, body, _ := strings.Cut(call, " ")
		if got := must(t, 400, "POST", at+path, body); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", call, got, want)
		}
	}

	must(t, 409, "POST", at+"/resume", "")
	must(t, 200, "POST", at+"/stall?stream=upstream", "")
	if _, err := client.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	until(t, "the datagram is lost", func() bool {
		return strings.Contains(must(t, 200, "GET", url+"/events?format=json&kind=struck", ""), "stall by request upstream")
	})
	must(t, 200, "POST", at+"/resume?stream=upstream", "")
	askUDP(t, client, "three", "THREE")

	if got := must(t, 200, "POST", url+"/connections/end?proxy=d", ""); !strings.Contains(got, `"ended":1`) {
		t.Errorf("got %s", got)
	}
	must(t, 404, "POST", at+"/end", "")
	askUDP(t, client, "four", "FOUR")
	if second := openAssociation(t, url); second.ID == first.ID {
		t.Errorf("the association was not ended: %+v", second)
	}
}

func openAssociation(t *testing.T, url string) connection {
	t.Helper()
	var list []connection
	if err := json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections?proxy=d", "")), &list); err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v, want one association", list, err)
	}
	return list[0]
}
