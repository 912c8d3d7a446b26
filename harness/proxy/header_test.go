package proxy

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/tlsconn"
	"github.com/sockharness/harness/toxics/spec"
)

// readHeader reads a header as haproxy.org's proxy-protocol.txt §2.2 describes
// it, and returns what it says.
func readHeader(t *testing.T, c net.Conn) string {
	t.Helper()
	fixed := drain(t, c, 16)
	if string(fixed[:12]) != "\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A" {
		t.Fatalf("signature %x", fixed[:12])
	}
	b := drain(t, c, int(binary.BigEndian.Uint16(fixed[14:])))
	said := fmt.Sprintf("%#02x %#02x", fixed[12], fixed[13])
	switch fixed[13] {
	case 0x11:
		return said + " " + netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), binary.BigEndian.Uint16(b[8:])).String() + " " +
			netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[10:])).String()
	case 0x21:
		return said + " " + netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[:16])), binary.BigEndian.Uint16(b[32:])).String() + " " +
			netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[16:32])), binary.BigEndian.Uint16(b[34:])).String()
	}
	return said
}

func TestProxyProtocol(t *testing.T) {
	for _, n := range [][2]string{{"tcp", "tcp"}, {"tcp", "unix"}, {"unix", "tcp"}} {
		t.Run(n[0]+" to "+n[1], func(t *testing.T) {
			x := newCrossing(t, n[0], n[1], func(c *Config) {
				c.ProxyProtocol = true
				cut := made(t, spec.Spec{Type: "half_close", At: at(4)})
				cut.Direction = event.Upstream
				c.Toxics = []Toxic{cut}
			})
			client, server := x.pair()
			want := "0x21 0x11 " + client.LocalAddr().String() + " " + x.proxy.Addr().String()
			if n[0] == "unix" {
				want = "0x20 0x00"
			}
			if got := readHeader(t, server); got != want {
				t.Errorf("the header says %s, want %s", got, want)
			}
			send(t, client, "0123456789")
			wantEnding(t, server, "0123", event.EOF)
			send(t, server, "reply")
			wantRead(t, client, "reply")
			x.wantEvent("struck", func(e event.Event) bool { return e.Kind == event.Struck && e.Offset == 4 })
		})
	}
}

func TestProxyProtocolOfIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("SKIPPED, NOT PROVEN HERE: this machine has no IPv6 loopback:", err)
	} else {
		_ = l.Close()
	}
	x := newCrossing(t, "tcp", "tcp", func(c *Config) { c.Listen, c.ProxyProtocol = "[::1]:0", true })
	client, server := x.pair()
	if got, want := readHeader(t, server), "0x21 0x21 "+client.LocalAddr().String()+" "+x.proxy.Addr().String(); got != want {
		t.Errorf("the header says %s, want %s", got, want)
	}
}

// Boundaries are verified behind a header that the stream does not count, and the
// kernel carries the bytes where there is no toxic.
func TestProxyProtocolIsNoPartOfTheStream(t *testing.T) {
	lock := down("lockstep", lockstep())
	lock.Direction = event.Upstream
	x := newCrossing(t, "tcp", "tcp", func(c *Config) { c.ProxyProtocol, c.Toxics = true, []Toxic{lock} })
	client, server := x.pair()
	readHeader(t, server)
	send(t, client, "0123456789")
	buf := make([]byte, 100)
	for i := range 10 {
		if n, err := server.Read(buf); n != 1 || err != nil || buf[0] != byte('0'+i) {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
	}
	if canSplice {
		x.wantEvent("deliver", func(e event.Event) bool {
			return e.Kind == event.BoundaryRead && e.Offset == 9 && e.Detail == "verified"
		})
	}
	if err := x.proxy.SetToxics(nil); err != nil {
		t.Fatal(err)
	}
	client, server = x.pair()
	readHeader(t, server)
	send(t, client, "spliced")
	wantRead(t, server, "spliced")
	until(t, "it was spliced", func() bool { return !canSplice || x.proxy.OpenConnections()[1].Direct[event.Upstream] == 7 })
}

// The header comes before the handshake of TLS.
func TestProxyProtocolBeforeTLS(t *testing.T) {
	a := newAuthority(t)
	x := newCrossing(t, "tcp", "tcp", func(c *Config) {
		c.ProxyProtocol, c.TLS.Originate = true, &tlsconn.Originate{Insecure: true}
	})
	client := x.mustDial()
	raw := x.accept()
	readHeader(t, raw)
	server := tls.Server(raw, serving(t, a))
	send(t, client, "request")
	wantRead(t, server, "request")
}

func TestHeaderOfWhatCannotBeTold(t *testing.T) {
	h := proxyHeader(&net.TCPAddr{}, &net.UnixAddr{})
	if want := headerSignature + "\x20\x00\x00\x00"; string(h) != want {
		t.Errorf("%q, want %q", h, want)
	}
}
