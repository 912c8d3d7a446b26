package socktest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/socktest"
)

// An injection that never struck fails the test: it has proved nothing.
func ExampleProxy_Inject() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello") })
		px := socktest.NewProxy(t, server.Addr(), socktest.Seed(7))
		px.Inject(socktest.HalfCloseAt(socktest.Downstream, 3))
		px.Inject(socktest.HalfCloseAt(socktest.Downstream, 93)).Maybe()

		client := socktest.Dial(t, px.Addr())
		client.Want("hel")
		client.WantEOF()
		fmt.Println(px.Injections())
	})
	// Output:
	// [half_close direction=downstream at.byte=3 (struck 1 connection) half_close direction=downstream at.byte=93 (struck 0 connections)]
}

// A port that refuses, hangs, and accepts again.
func ExampleProxy_Refuse() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello") })
		px := socktest.NewProxy(t, server.Addr(), socktest.Listen("127.0.0.1:0"))

		px.Refuse()
		_, err := net.Dial("tcp", px.Addr())
		fmt.Println(socktest.EndingOf(err))

		px.BlackHole()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err = px.DialContext(ctx, "tcp", "example.com:80")
		fmt.Println(socktest.EndingOf(err))

		px.Accept()
		socktest.Dial(t, px.Addr()).Want("hello")
		fmt.Println(len(px.Conns()), px.Conn(1).Made(), px.Conn(2).Made())
	})
	// Output:
	// refused
	// timeout
	// 1 true false
}

// Open connections can be ended from the test, all or one, as an event of the network
// would.
func ExampleProxy_CloseAll() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) {
			c.Send("hello")
			rest, ending := c.ReadAll()
			c.Send(fmt.Sprintf(" %d %s", len(rest), ending))
		})
		px := socktest.NewProxy(t, server.Addr())
		one, two, three := socktest.Dial(t, px.Addr()), socktest.Dial(t, px.Addr()), socktest.Dial(t, px.Addr())
		one.Want("hello")
		two.Want("hello")
		three.Want("hello")

		number := 0
		for _, c := range px.Conns() {
			if client, _ := c.Addrs(); client == two.Addr() {
				number = c.Number()
			}
		}
		px.Conn(number).HalfClose(socktest.Upstream) // to the server, whose reply still comes
		two.Want(" 0 FIN")
		two.WantEOF()
		if err := px.Conn(number).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Println(px.CloseAll(socktest.RST))
		one.WantReset()
		three.WantReset()
	})
	// Output:
	// 2
}

// What became of a connection.
func ExampleConn() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("PING\n"); c.Send("PONG\n") })
		px := socktest.NewProxy(t, server.Addr())
		client := socktest.Dial(t, px.Addr())
		client.Send("PING\n")
		client.Want("PONG\n")
		client.WantEOF()
		client.Close()
		c := px.Conn(1)
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Println(c.Over(), c.Bytes(socktest.Upstream), string(c.Data(socktest.Downstream)[:4]), c.Ending(socktest.Upstream), c.First())
		fmt.Println(c)
		fmt.Println(c.Events()[0].Kind)
	})
	// Output:
	// true 5 PONG FIN server
	// connection 1 carried 5 bytes upstream and 5 bytes downstream; FIN downstream after 5 bytes, by the server; FIN upstream after 5 bytes, by the client
	// accept
}

// A client that loses its connection must connect again, and find the server where it is
// by then.
func ExampleProxy_SetUpstream() {
	runExample(func(t testing.TB) {
		first := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("from the first") })
		second := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("from the second") })
		px := socktest.NewProxy(t, first.Addr())
		answers := make(chan string)
		go func() { // in the place of a client of yours
			defer close(answers)
			for range 2 {
				conn, err := net.Dial("tcp", px.Addr())
				if err != nil {
					t.Error(err)
					return
				}
				answer, _ := io.ReadAll(conn)
				_ = conn.Close()
				answers <- string(answer)
			}
		}()

		if err := px.Conn(1).WaitMade(t.Context()); err != nil {
			t.Fatal(err)
		}
		px.SetUpstream(second.Addr()) // for connections from now on
		fmt.Println(<-answers)
		if err := px.Conn(2).WaitMade(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Println(<-answers)
	})
	// Output:
	// from the first
	// from the second
}

// What disturbs the whole proxy lasts until it is healed.
func ExampleProxy_Partition() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) {
			c.Send("ready\n")
			c.Want("ping\n")
			c.Send("pong\n")
		})
		px := socktest.NewProxy(t, server.Addr())
		client := socktest.Dial(t, px.Addr())
		client.Want("ready\n")
		px.Partition()
		client.Send("ping\n")
		client.WantSilence(20 * time.Millisecond)
		px.Heal()
		client.Want("pong\n")

		px.RefuseFor(time.Hour)
		_, err := net.Dial("tcp", px.Addr())
		fmt.Println(socktest.EndingOf(err))
		px.FailNext(1) // which ends the one before
		socktest.Dial(t, px.Addr()).WantReset()
		socktest.Dial(t, px.Addr()).Want("ready\n")
	})
	// Output:
	// refused
}
