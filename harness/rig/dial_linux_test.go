package rig

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sock"
)

// fullListener listens with room for one connection, which is taken, and the next.
func fullListener(t *testing.T) (fd int, addr netip.AddrPort) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr = netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port))
	conn, err := dial(t.Context(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return fd, addr
}

// A SYN that found the accept queue full is sent again when there is room.
func TestDialServerWhoseQueueWasFull(t *testing.T) {
	fd, addr := fullListener(t)
	if all, err := sock.ListenersAt(addr.String()); err != nil || len(all) != 1 || !all[0].QueueFull() {
		t.Skipf("the queue is not seen to be full: %+v, %v", all, err)
	}
	connected := make(chan error, 1)
	go func() {
		conn, err := dialServer(t.Context(), &net.Dialer{}, addr.String())
		if err == nil {
			conn.Close()
		}
		connected <- err
	}()
	select {
	case err := <-connected:
		t.Fatalf("connected although the queue is full: %v", err)
	case <-time.After(4 * queueInterval): // it has looked at the queue by then
	}
	accepted, _, err := unix.Accept(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(accepted)
	if err := <-connected; err != nil {
		t.Error(err)
	}
}

func TestAwaitDrainedEndsWithItsContext(t *testing.T) {
	_, addr := fullListener(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*queueInterval)
	defer cancel()
	if awaitDrained(ctx, addr.String()) {
		t.Error("a full queue is said to have room")
	}
}

// A queue that was full for less time than lies between two looks is one, too.
func TestAwaitDrainedWhenTheQueueHasRoomAlready(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if !awaitDrained(t.Context(), listener.Addr().String()) {
		t.Error("got no word of room in an empty queue, for a connect that is not answered")
	}
}
