package sock_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

// countReads reads to the end and returns how often a read gave something.
func countReads(c net.Conn) (reads int) {
	buf := make([]byte, 1024)
	for {
		if _, err := c.Read(buf); err != nil {
			return reads
		}
		reads++
	}
}

// goServer accepts one connection and tells how many reads it took.
func goServer(t testing.TB, at string) (addr string, reads func() int) {
	l := listen(t, at)
	counted := make(chan int, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			counted <- -1
			return
		}
		defer c.Close()
		counted <- countReads(c)
	}()
	return l.Addr().String(), func() int { return <-counted }
}

const countingServer = `
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
reads = 0
while c.recv(1024):
    reads += 1
print(reads, flush=True)
`

func pythonServer(t testing.TB) (addr string, reads func() int) {
	p := start(t, "python3", "-c", countingServer)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number())), p.number
}

// drip sends n pieces of one byte, each when the one before has been read.
func drip(t testing.TB, d *sock.Diag, addr string, n int) {
	t.Helper()
	c := dial(t, addr)
	receiver, sender := ends(c)
	ctx := bounded(t)
	for sent := range n {
		write(t, c, "x")
		if err := d.AwaitConsumed(ctx, receiver, sender, uint64(sent+1)); err != nil {
			t.Fatalf("after %d bytes: %v", sent+1, err)
		}
	}
	c.CloseWrite()
}

func TestEveryPieceIsOneRead(t *testing.T) {
	servers := map[string]func(testing.TB) (string, func() int){
		"python":    pythonServer,
		"go":        func(t testing.TB) (string, func() int) { return goServer(t, "127.0.0.1:0") },
		"go ipv6":   func(t testing.TB) (string, func() int) { return goServer(t, "[::1]:0") },
		"go mapped": dualStackServer,
	}
	for name, server := range servers {
		for load, arrange := range map[string]func(testing.TB){"idle": func(testing.TB) {}, "busy": keepBusy} {
			t.Run(name+" "+load, func(t *testing.T) {
				arrange(t)
				addr, reads := server(t)
				const n = 10_000
				drip(t, openDiag(t), addr, n)
				if got := reads(); got != n {
					t.Errorf("%d pieces came in %d reads", n, got)
				}
			})
		}
	}
}

// dualStackServer listens on both families and is reached by IPv4.
func dualStackServer(t testing.TB) (string, func() int) {
	addr, reads := goServer(t, "[::]:0")
	_, port, _ := net.SplitHostPort(addr)
	return net.JoinHostPort("127.0.0.1", port), reads
}

func TestDiagServesManyAtOnce(t *testing.T) {
	d := openDiag(t)
	var wg sync.WaitGroup
	for range 8 {
		addr, reads := goServer(t, "127.0.0.1:0")
		wg.Go(func() {
			const n = 500
			drip(t, d, addr, n)
			if got := reads(); got != n {
				t.Errorf("%d pieces came in %d reads", n, got)
			}
		})
	}
	wg.Wait()
}

func TestAwaitConsumedWaitsForTheReader(t *testing.T) {
	d := openDiag(t)
	client, server := pair(t)
	receiver, sender := ends(client)
	write(t, client, "12345")
	if err := d.AwaitConsumed(short(t), receiver, sender, 5); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("nothing was read: got %v, want deadline exceeded", err)
	}
	server.Read(make([]byte, 4))
	if err := d.AwaitConsumed(short(t), receiver, sender, 5); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("4 of 5 bytes were read: got %v, want deadline exceeded", err)
	}
	server.Read(make([]byte, 1))
	if err := d.AwaitConsumed(bounded(t), receiver, sender, 5); err != nil {
		t.Fatal(err)
	}
}

func TestAwaitConsumedCountsTheFIN(t *testing.T) {
	d := openDiag(t)
	client, server := pair(t)
	receiver, sender := ends(client)
	write(t, client, "12345")
	server.Read(make([]byte, 5))
	client.CloseWrite()
	if err := d.AwaitConsumed(short(t), receiver, sender, 6); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("EOF was not read: got %v, want deadline exceeded", err)
	}
	server.Read(make([]byte, 5))
	if err := d.AwaitConsumed(bounded(t), receiver, sender, 6); err != nil {
		t.Fatal(err)
	}
	if s, err := d.FindSocket(receiver, sender); err != nil || s.State != sock.CloseWait || s.BytesReceived != 6 {
		t.Errorf("got %+v, %v, want close-wait after 6 bytes", s, err)
	}
}

func TestAwaitConsumedOfAReaderThatIsGone(t *testing.T) {
	d := openDiag(t)
	client, server := pair(t) // its listener is still there and must not be taken for it
	receiver, sender := ends(client)
	write(t, client, "12345")
	server.Close()
	if err := d.AwaitConsumed(bounded(t), receiver, sender, 5); !errors.Is(err, sock.ErrNotFound) {
		t.Errorf("closed with unread bytes: got %v, want not found", err)
	}

	client, server = pair(t)
	receiver, sender = ends(client)
	server.Close()
	if err := d.AwaitConsumed(bounded(t), receiver, sender, 5); !errors.Is(err, sock.ErrNotFound) {
		t.Errorf("closed before anything was sent: got %v, want not found", err)
	}
}

func TestAwaitAccepted(t *testing.T) {
	d := openDiag(t)
	l := listen(t, "127.0.0.1:0")
	client := dial(t, l.Addr().String())
	local, remote := ends(client)
	if err := d.AwaitAccepted(short(t), local, remote); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("nobody has accepted: got %v, want deadline exceeded", err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := d.AwaitAccepted(bounded(t), local, remote); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := d.AwaitAccepted(bounded(t), local, remote); err != nil {
		t.Errorf("accepted and closed: %v", err)
	}
}

func BenchmarkLockStep(b *testing.B) {
	inProcess := func(b testing.TB) (string, func() int) { return goServer(b, "127.0.0.1:0") }
	for name, server := range map[string]func(testing.TB) (string, func() int){"go": inProcess, "python": pythonServer} {
		b.Run(name+"/idle", func(b *testing.B) { benchmarkLockStep(b, server) })
		b.Run(name+"/busy", func(b *testing.B) {
			keepBusy(b)
			benchmarkLockStep(b, server)
		})
	}
}

func benchmarkLockStep(b *testing.B, server func(testing.TB) (string, func() int)) {
	d := openDiag(b)
	addr, reads := server(b)
	client := dial(b, addr)
	receiver, sender := ends(client)
	ctx := bounded(b)
	piece := []byte{'x'}
	b.ReportAllocs()
	var sent uint64
	for b.Loop() {
		if _, err := client.Write(piece); err != nil {
			b.Fatal(err)
		}
		sent++
		if err := d.AwaitConsumed(ctx, receiver, sender, sent); err != nil {
			b.Fatal(err)
		}
	}
	client.CloseWrite()
	if n := reads(); n != int(sent) {
		b.Errorf("%d pieces came in %d reads", sent, n)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pieces/s")
}
