package nameserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// serve starts a server, and returns a resolver that asks it over the network.
func serve(t *testing.T, network string, reply func(context.Context, string) Reply) *net.Resolver {
	t.Helper()
	s, err := Listen(reply)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, s.Addr().String())
	}}
}

var (
	four = netip.MustParseAddr("127.77.0.1")
	six  = netip.MustParseAddr("2001:db8::1")
)

func TestAddresses(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		names := serve(t, network, func(_ context.Context, name string) Reply {
			if name != "db.example" {
				return Reply{None: true}
			}
			return Reply{Addrs: []netip.Addr{four, six}}
		})
		for family, want := range map[string]netip.Addr{"ip4": four, "ip6": six} {
			if got, err := names.LookupNetIP(t.Context(), family, "DB.example."); err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("%s over %s: got %v, %v, want %v", family, network, got, err, want)
			}
		}
		_, err := names.LookupNetIP(t.Context(), "ip4", "other.example.")
		if failed := (*net.DNSError)(nil); !errors.As(err, &failed) || !failed.IsNotFound {
			t.Errorf("a name that there is not, over %s: %v", network, err)
		}
	}
}

func TestServerFails(t *testing.T) {
	names := serve(t, "udp", func(context.Context, string) Reply { return Reply{Fails: true, Addrs: []netip.Addr{four}} })
	_, err := names.LookupNetIP(t.Context(), "ip4", "db.example.")
	if failed := (*net.DNSError)(nil); !errors.As(err, &failed) || failed.IsNotFound || !failed.IsTemporary {
		t.Errorf("got %v", err)
	}
}

// A server that owes answers is closed all the same.
func TestNoAnswerInTime(t *testing.T) {
	for _, owed := range []Reply{{Silent: true}, {Delay: time.Hour, Addrs: []netip.Addr{four}}} {
		ctx, cancel := context.WithCancel(t.Context())
		names := serve(t, "udp", func(context.Context, string) Reply {
			cancel()
			return owed
		})
		if got, err := names.LookupNetIP(ctx, "ip4", "db.example."); err == nil {
			t.Errorf("%+v: got %v", owed, got)
		}
		cancel()
	}
}
