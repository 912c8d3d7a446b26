package explore

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// A wire is a connection with the peer under test that one goroutine plays.
type wire struct {
	conn   *net.TCPConn
	diag   *sock.Diag // nil: this system does not tell what was read
	local  netip.AddrPort
	remote netip.AddrPort

	got    []byte       // received so far
	taken  int          // bytes of it that replies have used up
	sent   int          // bytes that the kernel took, with FIN as one more
	most   int          // read no more than so many bytes in all; 0: no limit
	ending event.Ending // of what is received; Open while more may come
	failed event.Ending // of a write
	blind  bool         // a boundary could not be verified
}

// readSize is how much of the buffer a wire begins with.
const readSize = 4 << 10

// maxReceived bounds what is kept of a peer that does not stop sending.
const maxReceived = dialogue.MaxBytes

func (w *wire) readBuffer() []byte {
	if cap(w.got)-len(w.got) < readSize/2 {
		grown := make([]byte, len(w.got), 2*cap(w.got)+readSize)
		copy(grown, w.got)
		w.got = grown
	}
	room := w.got[len(w.got):cap(w.got)]
	if w.most > 0 {
		room = room[:min(len(room), w.most-len(w.got))]
	}
	return room
}

// read waits for more bytes, or for the end, until the deadline. It reports whether
// either came.
func (w *wire) read(deadline time.Time) bool {
	if w.ending != event.Open || len(w.got) > maxReceived {
		return true
	}
	buf := w.readBuffer()
	if len(buf) == 0 {
		return true
	}
	_ = w.conn.SetReadDeadline(deadline)
	n, err := w.conn.Read(buf)
	w.got = w.got[:len(w.got)+n]
	if err == nil || n > 0 {
		return true
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	w.ending = dialogue.EndingOf(err)
	return true
}

// full reports whether as much was read as was asked for.
func (w *wire) full() bool { return w.most > 0 && len(w.got) >= w.most || len(w.got) > maxReceived }

// send writes b; it blocks for at most limit where the peer does not read.
func (w *wire) send(b []byte, limit time.Duration) bool {
	if len(b) == 0 {
		return true
	}
	if w.failed != event.Open {
		return false
	}
	if len(b) > 16<<10 {
		_ = w.conn.SetWriteDeadline(time.Now().Add(limit))
	}
	n, err := w.conn.Write(b)
	w.sent += n
	if err != nil {
		w.failed = dialogue.EndingOf(err)
		return false
	}
	return true
}

// finish sends FIN.
func (w *wire) finish() { _ = w.conn.CloseWrite() }

// consumed waits until the other process has read all that was sent, at most for the
// limit.
func (w *wire) consumed(ctx context.Context, limit time.Duration) bool {
	if w.diag == nil {
		w.blind = true
		sleep(ctx, unverifiedGap)
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := w.diag.AwaitConsumed(ctx, w.remote, w.local, uint64(w.sent)); err != nil {
		w.blind = true
		return false
	}
	return true
}

// unverifiedGap separates two segments where nobody tells what was read.
const unverifiedGap = 2 * time.Millisecond

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// reset ends the connection with RST.
func (w *wire) reset() { _ = w.conn.SetLinger(0); _ = w.conn.Close() }

func (w *wire) close() { _ = w.conn.Close() }
