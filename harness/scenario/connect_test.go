package scenario

import (
	"net/netip"
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
	if _, err := (Peer{ConnectsTo: []string{"no-such-host.invalid:1"}}).ConnectAddrs(t.Context()); err == nil {
		t.Error("a name that nobody knows: no error")
	}
	if reply, err := (Peer{}).RedirectConnects(t.Context(), "127.0.0.1:9"); reply != nil || err != nil {
		t.Errorf("a client that is told its address: got an answer, or %v", err)
	}
}
