package sock_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

func TestLookupTellsBothEnds(t *testing.T) {
	d := openDiag(t)
	client, server := pair(t)
	write(t, client, "12345")
	receiver, sender := ends(client)
	s, err := d.FindSocket(receiver, sender)
	if err != nil {
		t.Fatal(err)
	}
	if s.State != sock.Established || s.RQueue != 5 || s.BytesReceived != 5 || s.Inode == 0 {
		t.Errorf("receiver: got %+v, want 5 unread bytes, established", s)
	}
	raw := map[string]netip.Addr{"plain": sender.Addr(), "mapped": netip.AddrFrom16(sender.Addr().As16())}
	for name, addr := range raw {
		s, err := d.FindSocket(netip.AddrPortFrom(addr, sender.Port()), receiver)
		if err != nil || s.BytesAcked != 6 {
			t.Errorf("sender, %s address: got %+v, %v, want 5 bytes and the SYN acknowledged", name, s, err)
		}
	}
	_ = server
}

func TestLookupOfNoSocket(t *testing.T) {
	d := openDiag(t)
	l := listen(t, "127.0.0.1:0")
	at := l.Addr().(*net.TCPAddr).AddrPort()
	for name, local := range map[string]netip.AddrPort{
		"only a listener": at,
		"nothing":         netip.MustParseAddrPort("127.0.0.1:1"),
		"other family":    netip.MustParseAddrPort("[::1]:1"),
		"zero":            {},
	} {
		if _, err := d.FindSocket(local, netip.MustParseAddrPort("127.0.0.1:2")); !errors.Is(err, sock.ErrNotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
}

func TestListenersAreOfBothFamilies(t *testing.T) {
	d := openDiag(t)
	multipath, err := net.Listen("tcp", "127.0.0.1:0") // as most Go servers do
	if err != nil {
		t.Fatal(err)
	}
	defer multipath.Close()
	for name, l := range map[string]net.Listener{
		"ipv4": listen(t, "127.0.0.1:0"), "ipv6": listen(t, "[::1]:0"), "both": listen(t, "[::]:0"), "multipath": multipath,
	} {
		want := l.Addr().(*net.TCPAddr).AddrPort()
		all, err := d.AllListeners()
		if err != nil {
			t.Fatal(err)
		}
		if !listensHere(all, want) {
			t.Errorf("%s: %v with a descriptor of ours is not among %v", name, want, all)
		}
	}
}

// listensHere reports that the address is in the list with a socket of this process.
func listensHere(all []sock.Listener, want netip.AddrPort) bool {
	for _, l := range all {
		if l.Addr == want {
			_, err := sock.DescriptorOf(os.Getpid(), l.Inode)
			return err == nil
		}
	}
	return false
}

func TestDiagAfterClose(t *testing.T) {
	d := openDiag(t)
	client, _ := pair(t)
	receiver, sender := ends(client)
	waited := make(chan error)
	go func() { waited <- d.AwaitConsumed(bounded(t), receiver, sender, 1) }()
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
	if err := <-waited; !errors.Is(err, net.ErrClosed) {
		t.Errorf("waiting: got %v, want %v", err, net.ErrClosed)
	}
	if _, err := d.AllListeners(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("asking: got %v, want %v", err, net.ErrClosed)
	}
}
