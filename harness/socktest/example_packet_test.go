package socktest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/sockharness/harness/harness/socktest"
)

// upper answers each datagram in upper case.
func upper(datagram string) []string { return []string{strings.ToUpper(datagram)} }

// seen tells what the server has received, and what has come back to the first client.
func seen(px *socktest.PacketProxy, server *socktest.PacketServer) string {
	var client *socktest.PacketClient = px.Client(1)
	return fmt.Sprint(server.Received(), client.Data(socktest.Downstream))
}

// A client has to send its request again when the answer is lost.
func ExampleNewPacketProxy() {
	runExample(func(t testing.TB) {
		server := socktest.NewPacketServer(t, upper)
		px := socktest.NewPacketProxy(t, server.Addr())
		lost := px.Inject(socktest.Drop(socktest.Downstream).AtDatagram(1))

		client := socktest.DialPacket(t, px.Addr()) // in the place of yours
		client.Send("hello")
		client.WantSilence(20 * time.Millisecond)
		client.Send("hello")
		client.Want("HELLO")

		fmt.Println(lost.Hits(), seen(px, server))
		fmt.Println(px.Client(1))
	})
	// Output:
	// 1 [hello hello] [HELLO]
	// client 1: 2 datagrams upstream and 1 datagram downstream passed on; datagram 1 (5 bytes) dropped
}

// What a network does to datagrams.
func ExamplePacketProxy_Inject() {
	runExample(func(t testing.TB) {
		server := socktest.NewPacketServer(t, func(string) []string { return nil })
		px := socktest.NewPacketProxy(t, server.Addr(), socktest.Seed(7), socktest.Listen("127.0.0.1:0"))
		px.Inject(socktest.Reorder(socktest.Upstream, 1).AtDatagram(1))
		px.Inject(socktest.Truncate(socktest.Upstream, 2).AtDatagram(2))
		px.Inject(socktest.Duplicate(socktest.Upstream, 1).AtDatagram(3))
		px.Inject(socktest.Drop(socktest.Upstream).Sometimes(0.5)).Maybe()
		delay := px.Inject(socktest.Latency(socktest.Upstream, time.Millisecond).On(2))

		var client *socktest.PacketPeer = socktest.DialPacket(t, px.Addr(), socktest.Within(time.Minute))
		client.Send("one", "two", "three", "four")
		socktest.DialPacket(t, px.Addr()).Send("five")
		if err := delay.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Println(len(px.Clients()), px.Client(2).Number(), px.Client(3).Made())
		fmt.Println(px.Injections()[0])
		fmt.Println(px.Client(1).Events()[0].Kind, px.Seed())
	})
	// Output:
	// 2 2 false
	// reorder direction=upstream at.segment=1 hold=5000 only=true positions=1 (struck 1 datagram)
	// accept 7
}

// A port at which nobody listens, and one that swallows everything.
func ExamplePacketProxy_Refuse() {
	runExample(func(t testing.TB) {
		server := socktest.NewPacketServer(t, upper)
		px := socktest.NewPacketProxy(t, server.Addr())
		client := socktest.DialPacket(t, px.Addr())
		px.BlackHole()
		client.Send("one")
		client.WantSilence(20 * time.Millisecond)
		px.Refuse()
		client.Send("two")
		client.WantRefused()
		px.Accept()
		client.Send("three")
		fmt.Println(client.Next(), client.Received(), px.Client(1).Passed(socktest.Upstream))

		from, to := px.Client(1).Addrs()
		fmt.Println(from == client.Addr(), to == server.Addr())

		server.Close() // the proxy tells the client what ICMP tells it, if it may
		client.Send("four")
		gomega.NewWithT(t).Eventually(px.Client(1).Unreachable).WithTimeout(bound).ShouldNot(gomega.BeZero())
		px.Close()
	})
	// Output:
	// THREE [THREE] 1
	// true true
}

// A proxy of datagrams for a client with a dial function, such as net.Resolver.
func ExamplePacketProxy_DialContext() {
	runExample(func(t testing.TB) {
		px := socktest.NewPacketProxy(t, socktest.NewPacketServer(t, upper).Addr())
		conn, err := px.DialContext(t.Context(), "udp", "8.8.8.8:53")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		answer := make([]byte, 64)
		_, _ = conn.Write([]byte("who?"))
		n, err := conn.Read(answer)
		fmt.Println(string(answer[:n]), err)
	})
	// Output:
	// WHO? <nil>
}
