package sock_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// The kernel tells of both transports whether the other end was accepted, what it has not
// read, and that it is gone.
func TestFarEnd(t *testing.T) {
	d := openDiag(t)
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			conn, err := net.Dial(network, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client := conn.(sock.Conn)
			if s, err := d.FarEnd(client); err != nil || s.Inode != 0 {
				t.Errorf("before accept: %+v, %v, want no inode", s, err)
			}
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := d.AwaitFarAccepted(ctx, client); err != nil {
				t.Error(err)
			}
			if s, err := d.FarEnd(client); err != nil || s.Inode == 0 || s.State != sock.Established {
				t.Errorf("after accept: %+v, %v, want an inode", s, err)
			}
			write(t, conn, "12345")
			if s, err := d.FarEnd(client); err != nil || s.RQueue == 0 {
				t.Errorf("unread: %+v, %v", s, err)
			}
			unread, stop := context.WithTimeout(ctx, 5*time.Millisecond)
			defer stop()
			if err := d.AwaitFarRead(unread, client, 5); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("unread: got %v, want a timeout", err)
			}
			if _, err := server.Read(make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
			if err := d.AwaitFarRead(ctx, client, 5); err != nil {
				t.Error(err)
			}
			server.Close()
			if s, err := d.FarEnd(client); network == "unix" && !errors.Is(err, sock.ErrNotFound) {
				t.Errorf("after close: %+v, %v, want not found", s, err)
			}
		})
	}
}

// A listener's queue is told, and an abstract name as package net writes it.
func TestUnixSockets(t *testing.T) {
	d := openDiag(t)
	name := "@harness-" + filepath.Base(t.TempDir()) + time.Now().Format("150405.000000000")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		conn, err := net.Dial("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	all, err := d.UnixSockets()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name && s.State == sock.Listen {
			if s.Unread != 3 || s.Unsent == 0 || s.QueueFull() || s.Inode == 0 {
				t.Errorf("got %+v, want 3 in a queue of more", s)
			}
			return
		}
	}
	t.Errorf("%s is not among %d sockets", name, len(all))
}
