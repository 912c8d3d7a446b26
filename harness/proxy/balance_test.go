package proxy

import (
	"net"
	"slices"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
)

// balanced runs a proxy before several servers, each of which says its number.
func balanced(t *testing.T, servers int, change func(*Config)) (x *crossing, upstreams []string) {
	t.Helper()
	for i := range servers {
		network := []string{"tcp", "unix"}[i%2]
		l, at := listenOn(t, network)
		upstreams = append(upstreams, at)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte{byte('0' + i)})
				_ = c.Close()
			}
		}()
	}
	x = newCrossing(t, "tcp", "tcp", func(c *Config) {
		c.Upstream, c.MoreUpstreams = upstreams[0], upstreams[1:]
		if change != nil {
			change(c)
		}
	})
	return x, upstreams
}

// taken returns which servers the next connections are linked to; "-" where to none.
func (x *crossing) taken(n int) (order string) {
	x.t.Helper()
	for range n {
		data, _ := endingOf(x.mustDial())
		if len(data) == 0 {
			data = []byte("-")
		}
		order += string(data)
	}
	return order
}

func TestUpstreamsInTurn(t *testing.T) {
	x, upstreams := balanced(t, 3, nil)
	if got := x.taken(7); got != "0120120" {
		t.Errorf("taken in order %s", got)
	}
	if !slices.Equal(x.proxy.Upstreams(), upstreams) || x.proxy.FirstUpstream() != upstreams[0] {
		t.Errorf("shown as %v", x.proxy.Upstreams())
	}
	x.proxy.SetUpstream(upstreams[1])
	if got := x.taken(3); got != "111" {
		t.Errorf("then %s", got)
	}
}

// The seed decides, and the same one the same.
func TestUpstreamsAtRandom(t *testing.T) {
	var orders []string
	for _, number := range []int64{1, 1, 2} {
		x, _ := balanced(t, 3, func(c *Config) { c.Balance.Random, c.Seed = true, seed.New(number) })
		orders = append(orders, x.taken(12))
		_ = x.proxy.Close()
	}
	if orders[0] != orders[1] || orders[0] == orders[2] || orders[0] == "012012012012" {
		t.Errorf("taken in orders %s", orders)
	}
}

func TestUpstreamsFallBack(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	for fallback, want := range map[bool]string{true: "1111", false: "-1-1"} {
		x, _ := balanced(t, 2, func(c *Config) {
			c.Upstream, c.Balance.Fallback = dead.Addr().String(), fallback
		})
		if got := x.taken(4); got != want {
			t.Errorf("fallback %t: taken in order %s, want %s", fallback, got, want)
		}
		x.wantEvent("dial-failed", func(e event.Event) bool { return e.Kind == event.DialFailed && e.Conn == 1 })
		_ = x.proxy.Close()
	}
	// When none is there, the client is turned away.
	x, _ := balanced(t, 1, func(c *Config) {
		c.Upstream, c.MoreUpstreams, c.Balance.Fallback = dead.Addr().String(), []string{"unix:/none", dead.Addr().String()}, true
	})
	if got := x.taken(4); got != "----" {
		t.Errorf("taken in order %s", got)
	}
}
