package sock

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func udpSocket(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// TestFollowingConnGoesWhereTheAnswerComesFrom holds the rules of TFTP's transfer identifiers.
func TestFollowingConnGoesWhereTheAnswerComesFrom(t *testing.T) {
	asked, transfer, next, stranger := udpSocket(t), udpSocket(t), udpSocket(t), udpSocket(t)
	conn, err := DialFollowing(t.Context(), asked.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	at := conn.LocalAddr()
	send := func(text string, server *net.UDPConn) {
		t.Helper()
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, _, err := ReadDatagram(server); string(got) != text {
			t.Fatalf("got %q, %v; want %q", got, err, text)
		}
	}
	receive := func(text string, server *net.UDPConn) {
		t.Helper()
		if _, err := server.WriteTo([]byte(text), at); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		if n, err := conn.Read(b); string(b[:n]) != text {
			t.Fatalf("got %q, %v; want %q", b[:n], err, text)
		}
	}
	send("ask", asked)
	receive("data 1", transfer)
	send("ack 1", transfer)
	if _, err := stranger.WriteTo([]byte("false data"), at); err != nil {
		t.Fatal(err)
	}
	receive("data 2", transfer)
	if got := conn.RemoteAddr().String(); got != transfer.LocalAddr().String() {
		t.Errorf("the peer is at %s, want %s", got, transfer.LocalAddr())
	}
	send("ask", asked) // as if no answer had come
	receive("data 1", next)
	send("ack 1", next)
}

func TestFollowingConnIsRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: ICMP errors on a socket that is not connected are Linux's")
	}
	gone := udpSocket(t)
	at := gone.LocalAddr().String()
	gone.Close()
	conn, err := DialFollowing(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write([]byte("ask")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 100)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want ECONNREFUSED", err)
	}
}
