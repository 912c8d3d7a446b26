package framing

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A rawClient is a connection to the server on which anything may be sent. It reads
// and writes at the same time, so that no server can block it.
type rawClient struct {
	rig   scenario.Rig
	conn  sock.Conn
	tasks sync.WaitGroup
	out   chan []byte
	news  chan struct{} // holds one element when something below has changed

	mu    sync.Mutex // guards what follows
	got   []byte
	ended bool // the server has ended the connection
	sent  int  // bytes that the kernel took
	asked int  // bytes that were to be sent
}

// mostKept bounds what is kept of what the server sends.
const mostKept = 2*largest + 1<<20

// openClient connects to the server. The caller must close.
func openClient(ctx context.Context, rig scenario.Rig) (*rawClient, error) {
	conn, err := rig.DialServer(ctx)
	if err != nil {
		return nil, err
	}
	t := &rawClient{rig: rig, conn: conn, out: make(chan []byte, 4), news: make(chan struct{}, 1)}
	t.tasks.Go(t.readLoop)
	t.tasks.Go(t.writeLoop)
	return t, nil
}

func (t *rawClient) closeConn() {
	t.conn.Close()
	close(t.out)
	t.tasks.Wait()
}

func (t *rawClient) changeState(f func()) {
	t.mu.Lock()
	f()
	t.mu.Unlock()
	select {
	case t.news <- struct{}{}:
	default:
	}
}

func (t *rawClient) readLoop() {
	buf := make([]byte, 64<<10)
	for {
		n, err := t.conn.Read(buf)
		t.changeState(func() {
			if len(t.got)+n <= mostKept {
				t.got = append(t.got, buf[:n]...)
			}
			t.ended = err != nil
		})
		if err != nil {
			return
		}
	}
}

func (t *rawClient) writeLoop() {
	for b := range t.out {
		n, err := t.conn.Write(b)
		if b == nil {
			// The server may have reset us already; read tells that.
			_ = t.conn.CloseWrite()
		}
		t.changeState(func() { t.sent += n })
		if err != nil {
			for range t.out {
				continue // what cannot be sent any more
			}
			return
		}
	}
}

// sendBytes sends b, at once or when what is being sent is out. Nil is FIN.
func (t *rawClient) sendBytes(b []byte) {
	t.mu.Lock()
	t.asked += len(b)
	t.mu.Unlock()
	t.out <- b
}

// awaitBytes blocks until done, which is called with the lock held, says so of what
// has come, the server has ended the connection, or the context ends.
func (t *rawClient) awaitBytes(ctx context.Context, done func(got []byte) bool) (got []byte, ended bool) {
	for {
		t.mu.Lock()
		got, ended = t.got, t.ended
		enough := ended || done(got)
		t.mu.Unlock()
		if enough {
			return got, ended
		}
		select {
		case <-t.news:
		case <-ctx.Done():
			return got, false
		}
	}
}

// awaitConsumed blocks until the server has read the first n bytes and sleeps. It
// reports false when the server has ended the connection before.
func (t *rawClient) awaitConsumed(ctx context.Context, n int) bool {
	_, ended := t.awaitBytes(ctx, func([]byte) bool { return t.sent >= n })
	if ended {
		return false
	}
	if err := t.rig.AwaitRead(ctx, t.conn, n); err != nil {
		// It has closed its end, of which we are about to hear, or time is over.
		_, ended = t.awaitBytes(ctx, func([]byte) bool { return !errors.Is(err, sock.ErrNotFound) })
		return !ended
	}
	awaitSleep(ctx, t.rig)
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.ended
}

// refusedWithin blocks until the server has read the first n bytes, as far as the
// kernel tells, and reports whether it has said something or ended the connection
// before.
func (t *rawClient) refusedWithin(ctx context.Context, n int) (bool, error) {
	got, ended := t.awaitBytes(ctx, func(got []byte) bool { return len(got) > 0 || t.sent >= n })
	if len(got) > 0 || ended {
		return true, nil
	}
	if ctx.Err() == nil {
		// A server that has ended the connection is told at the next look.
		_ = t.rig.AwaitRead(ctx, t.conn, n)
	}
	return false, context.Cause(ctx)
}

// settling is how long a server may be busy with what it read, or has to give
// back, before it is looked at anyway.
const settling = 500 * time.Millisecond

// awaitSleep blocks until the server sleeps, for a time. One that is busy even then
// is told by what follows.
func awaitSleep(ctx context.Context, rig scenario.KernelRig) {
	limited, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	_ = rig.AwaitAsleep(limited)
}
