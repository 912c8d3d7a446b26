package rig

import (
	"net"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
)

// proxied returns the setup of a variant with a proxy before a listener that accepts nothing.
func proxied(t *testing.T, target scenario.Target) *variantSetup {
	t.Helper()
	target.Name = "t"
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := event.NewLog(0)
	px, err := proxy.New(proxy.Config{Listen: "127.0.0.1:0", Upstream: upstream.Addr().String(), Events: log.AddEvent})
	if err == nil {
		err = px.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		px.Close()
		_ = upstream.Close()
	})
	return &variantSetup{testbed: NewTestbed(Config{}, target), log: log, proxy: px}
}
