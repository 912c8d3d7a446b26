package socktest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/socktest"
)

func TestSplitsAreVerified(t *testing.T) {
	wantSaid(t, play(func(t testing.TB) {
		var reads []string
		read := make(chan struct{})
		server := socktest.NewServer(t, func(c *socktest.Peer) {
			defer close(read)
			var buf [64]byte
			for {
				n, err := c.Read(buf[:])
				if err != nil {
					return
				}
				reads = append(reads, string(buf[:n]))
			}
		})
		px := socktest.NewProxy(t, server.Addr())
		px.Inject(socktest.SplitAt(socktest.Upstream, 1, 4))
		client := socktest.Dial(t, px.Addr())
		client.Send("PING hello\n")
		client.CloseWrite()
		<-read
		if got := fmt.Sprint(reads); got != "[P ING  hello\n]" {
			t.Errorf("got reads %q", reads)
		}
	}), false)
}

// What is put in, and what is put in the place of something, is said by its hits.
func TestInsertAndSubstitute(t *testing.T) {
	wantSaid(t, play(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("PxxING hello\n"); c.Send("PONG hello\n") })
		px := socktest.NewProxy(t, server.Addr())
		in := px.Inject(socktest.InsertAt(socktest.Upstream, 1, "xx"))
		other := px.Inject(socktest.Substitute(socktest.Downstream, "hello", "\xff"))
		frame := px.Inject(socktest.InsertAt(socktest.Downstream, 0, "!").AtFrame("line", 1, 4))
		client := socktest.Dial(t, px.Addr())
		client.Send("PING hello\n")
		client.Want("PONG! \xff\n")
		client.CloseWrite()
		client.WantEOF()
		if in.Hits() != 1 || other.Hits() != 1 || frame.Hits() != 1 {
			t.Errorf("got %v, %v, %v", in, other, frame)
		}
	}), false)
}

// A fault that can never strike says why.
func TestWhyAFaultCannotStrike(t *testing.T) {
	play(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("PING\n"); c.Send("PONG\n") })
		px := socktest.NewProxy(t, server.Addr())
		cut := px.Inject(socktest.Toxic(socktest.Downstream, "reset", nil).AtFrame("line", 1, 9)).Maybe()
		client := socktest.Dial(t, px.Addr())
		client.Send("PING\n")
		client.Want("PONG\n")
		if why := cut.Why(); why != "it cannot strike here: frame 1 has 5 bytes, fewer than 9" {
			t.Errorf("got %q", why)
		}
	})
}

// Who waits in vain is told why.
func TestWaitsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	play(func(tb testing.TB) {
		px := socktest.NewProxy(tb, hello(tb).Addr())
		late := px.Inject(socktest.ResetAt(socktest.Downstream, 93)).Maybe()
		for want, err := range map[string]error{
			"wait for reset direction=downstream at.byte=93: context canceled\nno client has connected": late.Wait(ctx),
			"wait for connection 1: context canceled":                                                   px.Conn(1).WaitMade(ctx),
			"wait for the end of connection 1 was not made: context canceled":                           px.Conn(1).Wait(ctx),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}

func TestOutages(t *testing.T) {
	wantSaid(t, play(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) {
			c.Send("hi\n")
			c.Want("PING\n")
			c.Send("PONG\n")
			c.WantEOF()
		})
		px := socktest.NewProxy(t, server.Addr())
		client := socktest.Dial(t, px.Addr())
		client.Want("hi\n") // so it was accepted
		px.Partition(socktest.Downstream)
		client.Send("PING\n")
		px.FailNext(1) // in the place of the partition
		client.Want("PONG\n")
		px.RefuseFor(time.Hour)
		if _, err := px.DialContext(t.Context(), "", ""); socktest.EndingOf(err) != socktest.Refused {
			t.Errorf("got %v, want a refused connect", err)
		}
		px.Heal()
		client.CloseWrite()
		client.WantEOF()
		again := socktest.Dial(t, px.Addr())
		again.Want("hi\n")
		again.Send("PING\n")
		again.Want("PONG\n")
		again.CloseWrite()
		again.WantEOF()
	}), false)
}

func TestSmallWindow(t *testing.T) {
	wantSaid(t, play(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send(strings.Repeat("x", 1<<20)) })
		px := socktest.NewProxy(t, server.Addr(), socktest.Faults(socktest.Toxic(socktest.Downstream, "small_window", map[string]any{"hold": true})))
		got, ending := socktest.Dial(t, px.Addr()).ReadAll()
		if len(got) != 1<<20 || ending != socktest.FIN {
			t.Errorf("got %d bytes, %s", len(got), ending)
		}
		if px.Injections()[0].Hits() != 1 {
			t.Errorf("got %v", px.Injections())
		}
	}), false)
}

func TestUpstreamDown(t *testing.T) {
	wantSaid(t, play(func(t testing.TB) {
		px := socktest.NewProxy(t, "127.0.0.1:1")
		client := socktest.Dial(t, px.Addr())
		client.WantEOF()
		c := px.Conn(1)
		if err := c.Wait(t.Context()); err != nil || c.Ending(socktest.Downstream) != socktest.FIN || c.Ends()[0].By != socktest.ByProxy {
			t.Errorf("got %v, %v", c, err)
		}
	}), false)
}

// A fault that holds a FIN back shows: the receiver has not seen it.
func TestEndsAreThoseOfTheReceiver(t *testing.T) {
	wantSaid(t, play(func(t testing.TB) {
		px := socktest.NewProxy(t, hello(t).Addr())
		stall := px.Inject(socktest.StallAt(socktest.Downstream, 0).AtEnd())
		client := socktest.Dial(t, px.Addr())
		client.Want("hello")
		await(t, px, func() bool { return px.Conn(1).First() == socktest.ByServer && stall.Hits() == 1 })
		client.WantSilence(20 * time.Millisecond)
		if c := px.Conn(1); c.Ending(socktest.Downstream) != socktest.Open || len(c.Ends()) != 0 {
			t.Errorf("got %v", c)
		}
		stall.Remove()
		client.WantEOF()
		if c := px.Conn(1); c.Ending(socktest.Downstream) != socktest.FIN {
			t.Errorf("got %v", c)
		}
	}), false)
	wantSaid(t, play(func(t testing.TB) {
		px := socktest.NewProxy(t, hello(t).Addr())
		px.Inject(socktest.Toxic(socktest.Downstream, "limit_data", map[string]any{"bytes": 2}))
		client := socktest.Dial(t, px.Addr())
		client.Want("he")
		client.WantEOF()
		client.Close()
		c := px.Conn(1)
		if err := c.Wait(t.Context()); err != nil || c.Ending(socktest.Upstream) != socktest.FIN || c.Ends()[0].At != 2 {
			t.Errorf("got %v, %v", c, err)
		}
	}), false)
}
