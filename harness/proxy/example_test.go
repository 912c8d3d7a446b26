package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// echoOnce accepts one connection, and sends all that comes back to it.
func echoOnce(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.Copy(conn, conn)
}

// A proxy ends the reply after three bytes, and the client sees an end of file.
func Example() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go echoOnce(server)

	at := int64(3)
	toxic, err := toxics.MakeToxic(spec.Spec{Type: "half_close", Direction: event.Downstream, At: spec.Trigger{Byte: &at}})
	if err != nil {
		fmt.Println(err)
		return
	}
	px, err := proxy.New(proxy.Config{
		Name:     "echo",
		Listen:   "127.0.0.1:0",
		Upstream: server.Addr().String(),
		Toxics:   []proxy.Toxic{{Name: toxic.Name, Toxic: toxic.Instance, Direction: toxic.Direction, Toxicity: toxic.Toxicity}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := px.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	defer px.Close()

	client, err := net.Dial("tcp", px.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, _ = client.Write([]byte("hello"))
	reply, err := io.ReadAll(client)
	fmt.Printf("%q %v\n", reply, err)
	// Output: "hel" <nil>
}
