package framing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A talk is a connection to the server on which anything may be sent. It reads
// and writes at the same time, so that no server can block it.
type talk struct {
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

// open connects to the server. The caller must close.
func open(ctx context.Context, rig scenario.Rig) (*talk, error) {
	conn, err := rig.Dial(ctx)
	if err != nil {
		return nil, err
	}
	t := &talk{rig: rig, conn: conn, out: make(chan []byte, 4), news: make(chan struct{}, 1)}
	t.tasks.Go(t.read)
	t.tasks.Go(t.write)
	return t, nil
}

func (t *talk) close() {
	t.conn.Close()
	close(t.out)
	t.tasks.Wait()
}

func (t *talk) change(f func()) {
	t.mu.Lock()
	f()
	t.mu.Unlock()
	select {
	case t.news <- struct{}{}:
	default:
	}
}

func (t *talk) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := t.conn.Read(buf)
		t.change(func() {
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

func (t *talk) write() {
	for b := range t.out {
		n, err := t.conn.Write(b)
		if b == nil {
			// The server may have reset us already; read tells that.
			_ = t.conn.CloseWrite()
		}
		t.change(func() { t.sent += n })
		if err != nil {
			for range t.out {
				continue // what cannot be sent any more
			}
			return
		}
	}
}

// send sends b, at once or when what is being sent is out. Nil is FIN.
func (t *talk) send(b []byte) {
	t.mu.Lock()
	t.asked += len(b)
	t.mu.Unlock()
	t.out <- b
}

// until blocks until done, which is called with the lock held, says so of what
// has come, the server has ended the connection, or the context ends.
func (t *talk) until(ctx context.Context, done func(got []byte) bool) (got []byte, ended bool) {
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

// taken blocks until the server has read the first n bytes and sleeps. It
// reports false when the server has ended the connection before.
func (t *talk) taken(ctx context.Context, n int) bool {
	_, ended := t.until(ctx, func([]byte) bool { return t.sent >= n })
	if ended {
		return false
	}
	if err := t.rig.AwaitRead(ctx, t.conn, n); err != nil {
		// It has closed its end, of which we are about to hear, or time is over.
		_, ended = t.until(ctx, func([]byte) bool { return !errors.Is(err, sock.ErrNotFound) })
		return !ended
	}
	settle(ctx, t.rig)
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.ended
}

// settling is how long a server may be busy with what it read, or has to give
// back, before it is looked at anyway.
const settling = 500 * time.Millisecond

// settle blocks until the server sleeps, for a time. One that is busy even then
// is told by what follows.
func settle(ctx context.Context, rig scenario.Rig) {
	limited, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	_ = rig.AwaitAsleep(limited)
}

// excerpt quotes the beginning and the end of b.
func excerpt(b []byte) string {
	const most = 40
	if len(b) <= 2*most {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q … %q (%d bytes)", b[:most], b[len(b)-most:], len(b))
}
