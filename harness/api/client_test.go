package api

import (
	"io"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"github.com/sockharness/harness/harness/event"
)

// Toxiproxy's own Go client does everything that it can do.
func TestGoClient(t *testing.T) {
	_, url := serve(t, Config{})
	upstream := listen(t)
	client := toxiproxy.NewClient(url)
	if v, err := client.Version(); err != nil || string(v) != "{\"version\": \"2.12.0\"}\n" {
		t.Fatalf("version %q, %v", v, err)
	}
	p, err := client.CreateProxy("kv", freeAddr(t), upstream.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateProxy("kv", "127.0.0.1:0", "127.0.0.1:1"); err == nil || err.Error() != "Create: HTTP 409: proxy already exists" {
		t.Errorf("created twice: %v", err)
	}
	c, s := dial(t, p.Listen), accept(t, upstream)
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(s, buf); err != nil || string(buf) != "hello" {
		t.Fatalf("server read %q, %v", buf, err)
	}
	toxic, err := p.AddToxic("", "latency", "upstream", 0.5, toxiproxy.Attributes{"latency": 1000})
	if err != nil || toxic.Name != "latency_upstream" || toxic.Toxicity != 0.5 || toxic.Attributes["latency"] != 1000.0 {
		t.Fatalf("added %+v, %v", toxic, err)
	}
	toxic, err = p.UpdateToxic("latency_upstream", -1, toxiproxy.Attributes{"jitter": 7})
	if err != nil || toxic.Toxicity != 0.5 || toxic.Attributes["jitter"] != 7.0 || toxic.Attributes["latency"] != 1000.0 {
		t.Fatalf("updated %+v, %v", toxic, err)
	}
	if list, err := p.Toxics(); err != nil || len(list) != 1 {
		t.Fatalf("toxics %+v, %v", list, err)
	}
	if err := p.RemoveToxic("latency_upstream"); err != nil {
		t.Fatal(err)
	}
	if err := p.Disable(); err != nil {
		t.Fatal(err)
	}
	wantEnding(t, "client", c, "", event.EOF)
	wantEnding(t, "server", s, "", event.EOF)
	if _, err := tryDial(p.Listen); endingFor(err) != event.Refused {
		t.Errorf("dial while disabled: %v", err)
	}
	if err := p.Enable(); err != nil {
		t.Fatal(err)
	}
	dial(t, p.Listen)
	accept(t, upstream)
	if err := client.ResetState(); err != nil {
		t.Fatal(err)
	}
	list, err := client.Populate([]toxiproxy.Proxy{{Name: "a", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:1", Enabled: true}, {Name: "b", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:2"}})
	if err != nil || len(list) != 2 || !list[0].Enabled || list[1].Enabled {
		t.Fatalf("populated %+v, %v", list, err)
	}
	if err := p.Delete(); err != nil {
		t.Fatal(err)
	}
	all, err := client.Proxies()
	if err != nil || len(all) != 2 {
		t.Fatalf("proxies %+v, %v", all, err)
	}
	if _, err := client.Proxy("kv"); err == nil || err.Error() != "HTTP 404: proxy not found" {
		t.Errorf("deleted proxy: %v", err)
	}
}
