package sock_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string][2]string{
		"127.0.0.1:80": {"tcp", "127.0.0.1:80"}, ":80": {"tcp", ":80"}, "[::1]:http": {"tcp", "[::1]:http"},
		"unix:/run/a.sock": {"unix", "/run/a.sock"}, "unix:@a": {"unix", "@a"}, "unix:a.sock": {"unix", "a.sock"},
		"udp:127.0.0.1:53": {"udp", "127.0.0.1:53"}, "udp:[::1]:53": {"udp", "[::1]:53"},
		"unix:80": {"tcp", "unix:80"}, "udp:80": {"tcp", "udp:80"}, // hosts of that name
	} {
		network, address, err := sock.ParseAddress(text)
		if got := [2]string{network, address}; err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "missing port", "127.0.0.1": "missing port", "unix:": "without a path", "unix:@": "without a path", "udp:": "missing port",
		"unix:/" + strings.Repeat("x", 107): "maximum is 107", "unix:/a\x00b": "NUL byte",
	} {
		if _, _, err := sock.ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// A host that no name and no address can be is a mistake where it is written.
func TestCheckAddressOfHosts(t *testing.T) {
	for text, want := range map[string]string{
		"a@b:1": `contains "@"`, "h/p:1": `contains "/"`, " h:1": `contains " "`, "$HOST:1": `contains "$"`, "*:1": `contains "*"`,
		"256.1.1.1:80": "not an IP address", "1.2.3:80": "not an IP address",
		"h:1": "", "db_1.internal.:1": "", "müller.example:1": "", "[fe80::1%eth0]:1": "", "10.0.0.1:1": "", "123456789012:1": "", ":1": "",
	} {
		if err := sock.CheckAddress(text, false); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	if err := sock.CheckAddress("*:1", true); err == nil || !strings.Contains(err.Error(), "0.0.0.0") {
		t.Errorf("got %v", err)
	}
}

func TestFormatAddress(t *testing.T) {
	for want, a := range map[string]net.Addr{
		"": nil, "127.0.0.1:80": &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, "unix:/a": &net.UnixAddr{Name: "/a", Net: "unix"},
		"unix:": &net.UnixAddr{Name: "@", Net: "unix"}, "udp:127.0.0.1:53": &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53},
	} {
		if got := sock.FormatAddress(a); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzParseAddress: what is read can be written and read again.
func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{"127.0.0.1:80", "unix:/a", "unix:@a", "udp:[::1%lo]:1", "unix:80", "udp:udp:1", "unix:unix:1", ":", "[:]:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		network, address, err := sock.ParseAddress(text)
		if err != nil {
			return
		}
		again := address
		if network != "tcp" {
			again = network + ":" + address
		}
		if again != text {
			t.Errorf("%q was read as %s %q", text, network, address)
		}
		if network == "unix" && (address == "" || len(address) > sock.UnixPathMax) {
			t.Errorf("unix address %q", address)
		}
	})
}

func TestIsLocal(t *testing.T) {
	for text, want := range map[string]bool{"127.0.0.1": true, "127.3.2.1": true, "::1": true, "::ffff:127.0.0.1": true, "0.0.0.0": true, "::": true,
		"192.0.2.1": false, "2001:db8::1": false, "::ffff:192.0.2.1": false} {
		if got := sock.IsLocal(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is local: %v, want %v", text, got, want)
		}
	}
}
