package api_test

import (
	"context"
	"fmt"
	"net"

	"github.com/Shopify/toxiproxy/v2/client"

	"github.com/sockharness/harness/harness/api"
)

// Toxiproxy's own client speaks to the daemon.
func ExampleDaemon_Serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	daemon, served := api.New(api.Config{}), make(chan error, 1)
	go func() { served <- daemon.Serve(ctx, listener, daemon) }()

	c := toxiproxy.NewClient(listener.Addr().String())
	proxy, err := c.CreateProxy("redis", "127.0.0.1:0", "127.0.0.1:6379")
	if err != nil {
		fmt.Println(err)
		return
	}
	toxic, err := proxy.AddToxic("", "latency", "downstream", 1, toxiproxy.Attributes{"latency": 50})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(proxy.Name, proxy.Enabled, toxic.Name, toxic.Attributes["latency"])

	cancel()
	fmt.Println(<-served)
	// Output:
	// redis true latency_downstream 50
	// <nil>
}
