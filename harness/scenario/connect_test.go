package scenario

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestConnectsTo(t *testing.T) {
	for client, want := range map[string]string{
		`{command: c, connects_to: "192.0.2.7:5432"}`:                  "",
		`{command: c, connects_to: ["192.0.2.7:5432", "[::1]:80"]}`:    "",
		`{command: c, connects_to: db}`:                                "is no address",
		`{command: c, connects_to: ["192.0.2.7:5432", "192.0.2.7:0"]}`: "is no address",
	} {
		text := "version: 1\ntargets:\n  - name: t\n    server: {dialogue: d.yaml}\n    client: " + client + "\n"
		c, err := ParseConfig("h.yaml", []byte(text), func(string) ([]byte, error) {
			return []byte("dialogue: d\nframing: line\nexchanges:\n  - {send: \"a\\n\", expect: \"b\\n\"}\nend: client closes\n"), nil
		})
		switch {
		case want == "" && (err != nil || len(c.Targets[0].Client.ConnectsTo) == 0):
			t.Errorf("%s: got %v", client, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q", client, err, want)
		}
	}
}

func TestConnectsToOfOthers(t *testing.T) {
	addresses := []string{"192.0.2.7:5432"}
	for want, client := range map[string]Peer{
		"for a client that is a command": {ConnectsTo: addresses},
		"for connections of TCP":         {Command: []string{"c", "{path}"}, ConnectsTo: addresses},
		"is no address":                  {Command: []string{"c"}, ConnectsTo: []string{"db"}},
	} {
		if err := (Target{Client: client, Test: Client}).checkConnects(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestRedirectConnects(t *testing.T) {
	p := Peer{ConnectsTo: []string{"192.0.2.7:5432"}}
	reply, err := p.RedirectConnects(t.Context(), "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort("127.0.0.1:9")
	if r := reply(netip.MustParseAddrPort("192.0.2.7:5432")); r.To != to || r.Errno != 0 {
		t.Errorf("its address: got %+v", r)
	}
	if r := reply(netip.MustParseAddrPort("192.0.2.7:53")); r.To.IsValid() {
		t.Errorf("another port: got %+v", r)
	}
	if reply, err := (Peer{}).RedirectConnects(t.Context(), "127.0.0.1:9"); reply != nil || err != nil {
		t.Errorf("a client that is told its address: got an answer, or %v", err)
	}
}

// TestNamesThatNoFileKnows gives them addresses, the same one for each port, and no server is
// asked.
func TestNamesThatNoFileKnows(t *testing.T) {
	p := Peer{ConnectsTo: []string{"db.example.invalid:5432", "192.0.2.7:80", "cache.example.invalid:6379", "db.example.invalid:5433"}}
	got, err := p.ConnectAddrs(t.Context())
	want := []netip.AddrPort{netip.MustParseAddrPort("127.77.0.1:5432"), netip.MustParseAddrPort("192.0.2.7:80"),
		netip.MustParseAddrPort("127.77.0.3:6379"), netip.MustParseAddrPort("127.77.0.1:5433")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	hosts := p.HostsFile(t.Context())
	if !strings.HasSuffix(hosts, "\n127.77.0.1\tdb.example.invalid\n127.77.0.3\tcache.example.invalid\n") {
		t.Errorf("hosts: %q", hosts)
	}
	if hosts := (Peer{ConnectsTo: []string{"192.0.2.7:80", "localhost:80"}}).HostsFile(t.Context()); hosts != "" {
		t.Errorf("addresses and localhost: %q", hosts)
	}
}
