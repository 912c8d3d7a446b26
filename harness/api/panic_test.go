package api

import (
	"strings"
	"testing"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
)

// A bomb is a toxic as people write them for Toxiproxy, with a mistake: it
// panics at the first data.
type bomb struct {
	Text string `json:"text"`
}

func (b *bomb) Pipe(stub *tp.ToxicStub) {
	if <-stub.Input != nil {
		panic("bomb: " + b.Text)
	}
	stub.Close()
}

// A panic in a foreign toxic ends its connection, and nothing else.
func TestPanicInAForeignToxic(t *testing.T) {
	tp.Register("bomb", new(bomb))
	d, url := serve(t, Config{ProxyMetrics: true})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	bystander := connect(t, d, addr, upstream)
	bystander.send(t, bystander.client, "before")
	wantRead(t, bystander.server, "before")
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"bomb","stream":"upstream","attributes":{"text":"boom"},"connection":1}`)
	struck := connect(t, d, addr, upstream)
	struck.send(t, struck.client, "data")
	wantEnding(t, "server", struck.server, "", event.EOF)
	wantEnding(t, "client", struck.client, "", event.EOF)
	bystander.send(t, bystander.client, "after")
	wantRead(t, bystander.server, "after")
	must(t, 200, "PATCH", url+"/proxies/p/toxics/bomb_upstream", `{"attributes":{"text":"again"},"connection":3}`)
	must(t, 204, "DELETE", url+"/proxies/p/toxics/bomb_upstream", "")
	metrics := must(t, 200, "GET", url+"/metrics", "")
	if want := `harness_toxics_failed_total{failure="panic",proxy="p",toxic="bomb_upstream"} 1`; !strings.Contains(metrics, want) {
		t.Errorf("no %s in metrics", want)
	}
}
