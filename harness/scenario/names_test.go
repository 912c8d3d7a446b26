package scenario

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/peer"
)

// ask asks the name server of a command for the addresses of a name, as the command would.
func ask(t *testing.T, n *NameService, c peer.Command, name string) ([]netip.Addr, error) {
	t.Helper()
	told := n.server.ToldAddr()
	if !strings.Contains(c.ResolvConf, told.Addr().String()) {
		t.Fatalf("resolv.conf: %q, want %s in it", c.ResolvConf, told)
	}
	names := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		to := told
		if c.OnDatagramConnect != nil {
			to = c.OnDatagramConnect(told).To
		}
		var d net.Dialer
		return d.DialContext(ctx, network, to.String())
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return names.LookupNetIP(ctx, "ip4", name)
}

func TestNames(t *testing.T) {
	client := Peer{Command: []string{"c"}, ConnectsTo: []string{"192.0.2.7:1", "DB.example.test:5432"}}
	first := netip.MustParseAddr("127.77.0.2")
	for _, c := range []struct {
		fault *NameFault
		want  []netip.Addr
	}{{nil, []netip.Addr{first}}, {&NameFault{Second: true}, []netip.Addr{first, netip.MustParseAddr("127.79.0.2")}}, {&NameFault{Fails: true}, nil}} {
		var asked atomic.Int64
		n, err := client.ServeNames(t.Context(), c.fault, func(string) { asked.Add(1) })
		if err != nil {
			t.Fatal(err)
		}
		var command peer.Command
		n.GiveTo(t.Context(), &command)
		got, err := ask(t, n, command, "db.example.test.")
		if len(got) != len(c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%+v: got %v, %v, want %v", c.fault, got, err, c.want)
		}
		if inFile := strings.Contains(strings.ToLower(command.Hosts), "db.example.test"); inFile != (c.fault == nil) || command.Hosts == "" {
			t.Errorf("%+v: the name is in a file: %v", c.fault, inFile)
		}
		if asked.Load() == 0 {
			t.Errorf("%+v: no question is told", c.fault)
		}
		n.Close()
	}
	addrs, err := client.NamedAddrs(t.Context())
	if err != nil || len(addrs) < 3 || addrs[len(addrs)-1] != netip.MustParseAddrPort("127.79.0.2:5432") {
		t.Errorf("its addresses: %v, %v", addrs, err)
	}
}

// A client that connects to addresses asks for no name.
func TestNoNames(t *testing.T) {
	client := Peer{Command: []string{"c"}, ConnectsTo: []string{"192.0.2.7:1", "[::1]:2"}}
	n, err := client.ServeNames(t.Context(), &NameFault{Silent: true}, nil)
	if n != nil || err != nil || client.ConnectsToName() {
		t.Errorf("got %v, %v", n, err)
	}
	n.Close()
	n.GiveTo(t.Context(), &peer.Command{})
}
