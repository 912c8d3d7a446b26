package socktest

import (
	"context"
	"net"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"github.com/sockharness/harness/harness/api"
)

// NewToxiproxy starts a daemon that speaks Toxiproxy's API in this process, and returns
// Toxiproxy's own client to it: for tests that use that already, without a container.
// When the test ends the daemon is closed with all its proxies.
func NewToxiproxy(tb testing.TB) *toxiproxy.Client {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("socktest: toxiproxy: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	daemon, served := api.New(api.Config{}), make(chan error, 1)
	go func() { served <- daemon.Serve(ctx, listener, daemon) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			tb.Errorf("socktest: toxiproxy: %v", err)
		}
	})
	return toxiproxy.NewClient(listener.Addr().String())
}
