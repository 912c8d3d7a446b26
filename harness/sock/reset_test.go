package sock_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

// unixPair returns the two ends of a unix stream connection.
func unixPair(t testing.TB) (client, server *net.UnixConn) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

func wantRead(t *testing.T, c net.Conn, want error) {
	t.Helper()
	if n, err := c.Read(make([]byte, 16)); !errors.Is(err, want) {
		t.Fatalf("read: got %d bytes, %v, want %v", n, err, want)
	}
}

func TestResetIsSeenAsReset(t *testing.T) {
	client, server := pair(t)
	write(t, client, "12345")
	if err := sock.ResetConn(client); err != nil {
		t.Fatal(err)
	}
	wantRead(t, server, nil) // Linux leaves what was queued
	wantRead(t, server, syscall.ECONNRESET)
}

func TestResetOfUnixNeedsUnreadInput(t *testing.T) {
	client, server := unixPair(t)
	write(t, server, "12345")
	if err := sock.ResetConn(client); err != nil {
		t.Fatal(err)
	}
	wantRead(t, server, syscall.ECONNRESET)

	client, server = unixPair(t)
	if err := sock.ResetConn(client); !errors.Is(err, sock.ErrUnsupported) {
		t.Fatalf("nothing unread: got %v, want unsupported", err)
	}
	wantRead(t, server, io.EOF)
}

// awaitReset runs AwaitReset and returns where its result comes.
func awaitReset(ctx context.Context, c sock.Conn) <-chan error {
	result := make(chan error, 1)
	go func() { result <- sock.AwaitReset(ctx, c) }()
	return result
}

// parked gives the wait the time to go wrong.
func parked(t *testing.T, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		t.Fatalf("ended without a reset: %v", err)
	case <-short(t).Done():
	}
}

func TestAwaitResetSeesAResetBehindEOF(t *testing.T) {
	client, server := pair(t)
	client.CloseWrite()
	wantRead(t, server, io.EOF)
	result := awaitReset(bounded(t), server)
	parked(t, result)
	sock.ResetConn(client)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	wantRead(t, server, io.EOF) // so that is all that a read tells
	if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write: got %v, want broken pipe: the error was left for it", err)
	}
}

func TestAwaitResetThatCameBefore(t *testing.T) {
	client, server := pair(t)
	write(t, client, "unread")
	client.CloseWrite()
	sock.ResetConn(client)
	if err := sock.AwaitReset(bounded(t), server); err != nil {
		t.Fatal(err)
	}
}

func TestAwaitResetWhenBothSidesEnd(t *testing.T) {
	client, server := pair(t)
	server.CloseWrite()
	result := awaitReset(bounded(t), server)
	parked(t, result)
	wantRead(t, client, io.EOF)
	client.CloseWrite()
	if err := <-result; err != io.EOF {
		t.Errorf("in order: got %v, want EOF", err)
	}

	// A FIN behind more than the peer's window takes is not acknowledged.
	client, server = shapedPair(t)
	client.CloseWrite()
	fill(t, server)
	server.CloseWrite()
	result = awaitReset(bounded(t), server)
	parked(t, result)
	client.Close() // with unread input: a reset
	if err := <-result; err != nil {
		t.Errorf("reset behind two FINs: %v", err)
	}
}

func TestAwaitResetEndsWithItsContext(t *testing.T) {
	client, server := pair(t)
	client.CloseWrite()
	ctx, cancel := context.WithCancel(context.Background())
	result := awaitReset(ctx, server)
	parked(t, result)
	cancel()
	if err := <-result; err != context.Canceled {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
	wantRead(t, server, io.EOF) // the deadline is gone
	if err := sock.AwaitReset(ctx, server); err != context.Canceled {
		t.Errorf("ended before: got %v, want %v", err, context.Canceled)
	}
}

func TestAwaitResetOfAConnectionClosedHere(t *testing.T) {
	_, server := pair(t)
	result := awaitReset(bounded(t), server)
	parked(t, result)
	server.Close()
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
	if err := sock.AwaitReset(bounded(t), server); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed before: got %v, want %v", err, net.ErrClosed)
	}
}

func TestAwaitResetIsNotWokenByData(t *testing.T) {
	client, server := pair(t)
	result := awaitReset(bounded(t), server)
	write(t, client, "12345")
	client.CloseWrite()
	parked(t, result)
	sock.ResetConn(client)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	wantRead(t, server, nil)
}

func TestAwaitResetOfUnix(t *testing.T) {
	client, server := unixPair(t)
	write(t, server, "unread")
	client.CloseWrite()
	wantRead(t, server, io.EOF)
	result := awaitReset(bounded(t), server)
	parked(t, result)
	client.Close()
	if err := <-result; err != nil {
		t.Errorf("closed with unread input: %v", err)
	}

	client, server = unixPair(t)
	client.CloseWrite()
	result = awaitReset(bounded(t), server)
	parked(t, result)
	client.Close()
	if err := <-result; err != io.EOF {
		t.Errorf("closed in order: got %v, want EOF", err)
	}
}

func TestAwaitResetManyTimes(t *testing.T) {
	for range 300 {
		client, server := pair(t)
		client.CloseWrite()
		result := awaitReset(bounded(t), server)
		sock.ResetConn(client)
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		server.Close()
	}
}
