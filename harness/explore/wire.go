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
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A wire is a connection with the peer under test that one goroutine plays. On TLS its
// bytes are the plaintext.
type wire struct {
	conn   sock.Conn
	diag   *sock.Diag // nil: this system does not tell what was read
	local  netip.AddrPort
	remote netip.AddrPort // invalid: not of TCP

	got    []byte       // received so far
	taken  int          // bytes of it that replies have used up
	sent   int          // bytes that the kernel took, with FIN as one more
	most   int          // read no more than so many bytes in all; 0: no limit
	ending event.Ending // of what is received; Open while more may come
	failed event.Ending // of a write
	unread bool         // the peer had time to read what was sent, and did not

	datagrams bool // each read is one
	bound     int  // bytes of a peer that does not stop sending which are kept
}

// newWire returns the wire of a connection. Without diag nobody tells what was read.
func newWire(conn sock.Conn, diag *sock.Diag) *wire {
	w := &wire{conn: conn, diag: diag, bound: dialogue.MaxBytes, datagrams: conn.LocalAddr().Network() == "udp"}
	if local, ok := conn.LocalAddr().(*net.TCPAddr); ok && diag != nil {
		w.local, w.remote = local.AddrPort(), conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	}
	return w
}

// readSize is how much of the buffer a wire begins with.
const readSize = 4 << 10

// datagramSize is twice what a datagram has at most.
const datagramSize = 128 << 10

// extraSize is how much more than without a fault a peer may send until it counts as
// sending without end, bytes.
const extraSize = 1 << 20

// expect bounds what is kept by what comes without a fault, bytes.
func (w *wire) expect(usual int64) { w.bound = int(usual) + extraSize }

// flooded reports whether the peer sends without end.
func (w *wire) flooded() bool { return len(w.got) > w.bound }

func (w *wire) readBuffer() []byte {
	least := readSize
	if w.datagrams {
		least = datagramSize
	}
	if cap(w.got)-len(w.got) < least/2 {
		grown := make([]byte, len(w.got), 2*cap(w.got)+least)
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
	if w.ending != event.Open || w.flooded() {
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
func (w *wire) full() bool { return w.most > 0 && len(w.got) >= w.most || w.flooded() }

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

// finish sends FIN, behind a close_notify on TLS.
func (w *wire) finish() { _ = w.conn.CloseWrite() }

// consumed waits until the other process has read all that was sent, at most for the
// limit.
func (w *wire) consumed(ctx context.Context, limit time.Duration) bool {
	if w.diag == nil {
		sleep.For(ctx, unverifiedGap)
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := w.awaitRead(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		w.unread = true
	}
	return err == nil
}

func (w *wire) awaitRead(ctx context.Context) error {
	sent := uint64(w.sent)
	if t, secured := w.conn.(*tlsconn.Conn); secured {
		n, _ := t.WireCounts()
		sent = uint64(n)
	}
	if w.remote.IsValid() {
		return w.diag.AwaitConsumed(ctx, w.remote, w.local, sent)
	}
	return w.diag.AwaitFarRead(ctx, w.conn, sent)
}

// unverifiedGap separates two segments where nobody tells what was read.
const unverifiedGap = 2 * time.Millisecond

// reset ends the connection with RST.
func (w *wire) reset() { _ = sock.ResetConn(w.conn) }

// vanish ends the connection with FIN, and on TLS without a close_notify before it. What
// TLS has sent of its own accord is read before: unread, it would make a RST of the FIN.
func (w *wire) vanish() {
	t, secured := w.conn.(*tlsconn.Conn)
	if !secured {
		w.close()
		return
	}
	w.read(time.Now().Add(pendingTime))
	_ = t.Socket().CloseWrite()
	_ = t.Socket().Close()
}

// pendingTime is how long what has arrived may take to be read.
const pendingTime = time.Millisecond

func (w *wire) close() { _ = w.conn.Close() }
