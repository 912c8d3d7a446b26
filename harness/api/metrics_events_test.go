package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/tlsconn"
)

// A client that speaks no TLS is not an upstream that is down.
func TestHandshakeErrorsAreCounted(t *testing.T) {
	authority, err := tlsconn.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, Config{ProxyMetrics: true, Authority: authority})
	addr := freeAddr(t)
	must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":"p","listen":%q,"upstream":%q,"tls":{"terminate":{"generated":true}}}`, addr, freeAddr(t)))
	c := dial(t, addr)
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_, _ = endingOf(c)
	var metrics string
	until(t, "the error is counted", func() bool {
		metrics = must(t, 200, "GET", url+"/metrics", "")
		return strings.Contains(metrics, `harness_handshake_errors_total{proxy="p"} 1`)
	})
	if !strings.Contains(metrics, `harness_dial_errors_total{proxy="p"} 0`) {
		t.Errorf("a dial error is counted: %s", metrics)
	}
}
