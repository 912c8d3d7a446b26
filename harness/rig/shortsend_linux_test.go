package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

func TestShortSend(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		// The runtime of Go sends the rest when there is room, and its sockets do not block.
		if err := rig.HoldShortSend(ctx, scenario.ShortSend{Room: 1}); err != nil {
			return err
		}
		if len(rig.Events()) == 0 {
			return errors.New("nothing is reported as struck")
		}
		err := rig.HoldShortSend(ctx, scenario.ShortSend{Room: 1, Interrupted: true})
		if !errors.Is(err, scenario.ErrUnsupported) {
			return fmt.Errorf("interrupted: got %v, want that it is not supported", err)
		}
		return nil
	})
}

func TestShortRequest(t *testing.T) {
	runCode(t, scenario.Client, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		if err := rig.HoldShortRequest(ctx, scenario.ShortSend{Exchange: 1, Room: 1}); err != nil {
			return err
		}
		if len(rig.Events()) == 0 {
			return errors.New("nothing is reported as struck")
		}
		return nil
	})
}

func TestHeldConn(t *testing.T) {
	near, far := tcpPair(t)
	conn := &heldConn{Conn: near}
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 3)
		n, err := io.ReadFull(conn, b)
		got <- fmt.Sprint(string(b[:n]), err)
	}()
	conn.holdReads()
	if _, err := far.Write([]byte{'a', sock.Filler, sock.Filler, 'b', 'c'}); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 5; {
		var err error
		if n, err = sock.InQueue(near); err != nil {
			t.Fatal(err)
		}
	}
	conn.reading.Lock()
	_ = near.SetReadDeadline(time.Time{})
	conn.arrived = make([]byte, 1)
	_, err := io.ReadFull(near, conn.arrived)
	conn.reading.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	conn.releaseReads(2)
	if s := <-got; s != "abc<nil>" || conn.isMixed() {
		t.Errorf("got %s, mixed %t", s, conn.isMixed())
	}
	_ = conn.SetDeadline(time.Unix(1, 0))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline that has passed: got %v", err)
	}
}

// tcpPair returns both ends of a connection.
func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); other.Close() })
	return conn.(*net.TCPConn), other.(*net.TCPConn)
}
