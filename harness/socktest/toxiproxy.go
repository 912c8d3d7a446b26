package socktest

import (
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"github.com/sockharness/harness/harness/api"
)

// NewToxiproxy starts a daemon that speaks Toxiproxy's API in this process, and returns
// Toxiproxy's own client to it: for tests that use that already, without a container.
// When the test ends the daemon is closed with all its proxies.
func NewToxiproxy(tb testing.TB) *toxiproxy.Client {
	tb.Helper()
	address, stop, err := api.StartLocal()
	if err != nil {
		tb.Fatalf("socktest: toxiproxy: %v", err)
	}
	tb.Cleanup(func() {
		if err := stop(); err != nil {
			tb.Errorf("socktest: toxiproxy: %v", err)
		}
	})
	return toxiproxy.NewClient(address)
}
