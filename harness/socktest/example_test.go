package socktest_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/socktest"
)

// runExample runs a test in an example and prints what it says. In a test of yours the
// t is the *testing.T, or GinkgoTB().
func runExample(test func(t testing.TB)) { fmt.Print(play(test).said()) }

// A client must not take half an answer for a whole one.
func Example() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) {
			c.Want("GET /\r\n")
			c.Send("5\r\nhello")
		})
		px := socktest.NewProxy(t, server.Addr())
		cut := px.Inject(socktest.ResetAt(socktest.Downstream, 6))

		client := socktest.Dial(t, px.Addr())
		client.Send("GET /\r\n")
		client.Want("5\r\nhel")
		client.WantReset()

		fmt.Println(cut.Hits(), px.Conn(1).Ends()[0])
	})
	// Output:
	// 1 RST downstream after 6 bytes, by the proxy (#1 reset direction=downstream at.byte=6)
}

// A stall heals when it is removed.
func ExampleInjection_Remove() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello") })
		px := socktest.NewProxy(t, server.Addr())
		stall := px.Inject(socktest.StallAt(socktest.Downstream, 2))

		client := socktest.Dial(t, px.Addr())
		client.Want("he")
		client.WantSilence(10 * time.Millisecond)
		stall.Remove()
		client.Want("llo")
		fmt.Println(stall.Hits(), stall.Why() == "")
	})
	// Output:
	// 1 true
}

// Where no peer can see the fault, the test waits for it.
func ExampleInjection_Wait() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.ReadAll() })
		px := socktest.NewProxy(t, server.Addr())
		stall := px.Inject(socktest.StallAt(socktest.Upstream, 2))

		client := socktest.Dial(t, px.Addr())
		client.Send("hello")
		if err := stall.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Println(stall)
	})
	// Output:
	// stall direction=upstream at.byte=2 (struck 1 connection)
}

// The first connection fails, the second one works.
func ExampleFault_On() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("PING\n"); c.Send("PONG\n") })
		px := socktest.NewProxy(t, server.Addr())
		px.Inject(socktest.ResetAt(socktest.Downstream, 0).On(1))
		for range 2 {
			client := socktest.Dial(t, px.Addr())
			client.Send("PING\n")
			reply, ending := client.ReadAll()
			fmt.Printf("%q, then %s\n", reply, ending)
		}
	})
	// Output:
	// "", then RST
	// "PONG\n", then FIN
}

// Faults say where they strike.
func ExampleFault() {
	for _, f := range []socktest.Fault{
		socktest.ResetAt(socktest.Upstream, 12),
		socktest.VanishAt(socktest.Downstream, 12).Sometimes(0.5),
		socktest.SplitAt(socktest.Upstream, 1, 5).On(2, 4),
		socktest.Drip(socktest.Upstream, 1),
		socktest.Coalesce(socktest.Upstream, 20*time.Millisecond),
		socktest.Latency(socktest.Downstream, 5*time.Millisecond, time.Millisecond),
		socktest.Bandwidth(socktest.Downstream, 64),
		socktest.Corrupt(socktest.Downstream, 3).AfterTime(time.Second),
		socktest.HalfCloseAt(socktest.Downstream, 0).AfterText("\r\n"),
		socktest.ResetAt(socktest.Downstream, 0).AfterOpposite("QUIT"),
		socktest.StallAt(socktest.Upstream, 0).AtEnd(),
		socktest.Toxic(socktest.Downstream, "limit_data", map[string]any{"bytes": 93}),
		socktest.ParseFault("reset direction=upstream at.segment=2").AtByte(5),
	} {
		fmt.Println(f)
	}
	// Output:
	// reset direction=upstream at.byte=12
	// vanish direction=downstream toxicity=0.5 at.byte=12
	// slice direction=upstream connection=2-4 offsets=1,5
	// slice direction=upstream size=1
	// coalesce direction=upstream wait=20ms
	// latency direction=downstream jitter=1 latency=5
	// bandwidth direction=downstream rate=64
	// corrupt direction=downstream at.time=1s offsets=3
	// half_close direction=downstream at.pattern="\r\n"
	// reset direction=downstream at.opposite="QUIT"
	// stall direction=upstream at.event=eof
	// limit_data direction=downstream bytes=93
	// reset direction=upstream at.byte=5
}

// A server under test gets a request in pieces, each of which it has read before the
// next one comes.
func ExampleDial() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { // in the place of yours
			var got [64]byte
			for {
				n, err := c.Read(got[:])
				if err == io.EOF {
					return
				}
				c.Send(fmt.Sprintf("%d ", n))
			}
		}, socktest.Within(10*time.Second))
		client := socktest.Dial(t, server.Addr())
		client.Send("PI", "N", "G\n")
		client.CloseWrite()
		reply, ending := client.ReadAll()
		fmt.Printf("%s%s %s %d\n", reply, ending, client.Received(), client.Sent())
	})
	// Output:
	// 2 1 2 FIN 2 1 2  5
}

// A played server meets every client the same way. Its peers can be looked at.
func ExampleNewServer() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) {
			if c.Number() == 1 {
				c.Reset()
				return
			}
			c.Send(fmt.Sprintf("hello %s", c.Next(3)))
			c.Close()
		})
		first := socktest.Dial(t, server.Addr())
		first.WantReset()
		second := socktest.Dial(t, server.Addr())
		fmt.Fprint(second, "you")
		second.Want("hello you")
		second.WantEOF()
		fmt.Println(len(server.Peers()), first.Ending(), second.Ending())
	})
	// Output:
	// 2 RST FIN
}

// A client that is to cope with every cut of a reply.
func ExampleEachOffset() {
	const reply = "5\r\nhello"
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send(reply) })
		count := 0
		socktest.EachOffset([]byte(reply), func(at int64) {
			px := socktest.NewProxy(t, server.Addr())
			defer px.Close() // before the next one
			px.Inject(socktest.HalfCloseAt(socktest.Downstream, at))
			conn, err := net.Dial("tcp", px.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got, err := io.ReadAll(conn)
			if string(got) != reply[:at] || err != nil {
				t.Errorf("cut at %d: got %q, %v", at, got, err)
			}
			count++
		})
		fmt.Println(count)
	})
	// Output:
	// 8
}

// No two endings mean the same.
func ExampleEndingOf() {
	fmt.Println(socktest.EndingOf(nil), socktest.EndingOf(io.ErrUnexpectedEOF), socktest.EndingOf(errors.New("bad length")))
	// Output:
	// FIN FIN bad length
}

// Offsets mean the plaintext where the proxy speaks TLS.
func ExampleTLS() {
	runExample(func(t testing.TB) {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
		defer server.Close()
		px := socktest.NewProxy(t, server.Listener.Addr().String(), socktest.TLS())
		px.Inject(socktest.HalfCloseAt(socktest.Downstream, 0).AfterText("\r\n\r\nhe"))

		client := &http.Client{Transport: &http.Transport{DialContext: px.DialContext, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: px.CertPool()}}}
		answer, err := client.Get("https://localhost/")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		fmt.Printf("%s, then %v\n", body, err)
	})
	// Output:
	// he, then unexpected EOF
}

// Bytes that nobody has sent, and others in the place of some that somebody has.
func ExampleSubstitute() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello\n") })
		px := socktest.NewProxy(t, server.Addr())
		px.Inject(socktest.InsertAt(socktest.Downstream, 2, "--"))
		client := socktest.Dial(t, px.Addr())
		client.Want("he--llo\n")

		px = socktest.NewProxy(t, server.Addr())
		px.Inject(socktest.Substitute(socktest.Downstream, "llo", "y"))
		client = socktest.Dial(t, px.Addr())
		client.Want("hey\n")
	})
	// Output:
}

// A fault can begin at a message instead of a byte.
func ExampleFault_AtFrame() {
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("one\ntwo\nthree\n") })
		px := socktest.NewProxy(t, server.Addr())
		px.Inject(socktest.HalfCloseAt(socktest.Downstream, 0).AtFrame("line", 2, 0))
		client := socktest.Dial(t, px.Addr())
		client.Want("one\n")
		client.WantEOF()
	})
	// Output:
}
