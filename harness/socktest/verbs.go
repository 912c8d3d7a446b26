package socktest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// Send sends the pieces in order. Each leaves when the other side has read all of the
// one before: on this host, TCP, that is known and not guessed, so that it meets them
// as reads of their own. With one piece it returns as soon as the kernel has taken it.
func (p *Peer) Send(pieces ...string) {
	p.tb.Helper()
	for i, piece := range pieces {
		if i > 0 {
			if err := p.awaitRead(); err != nil {
				p.fail(err, "send: the other side has not read piece %d of %d within %v", i, len(pieces), p.within)
			}
		}
		if n, err := p.Write([]byte(piece)); err != nil {
			p.fail(err, "send: %d of %s of piece %d: %v", n, plural.Count(len(piece), "byte"), i+1, err)
		}
	}
}

// Want reads exactly the text. Bytes that come behind it are left for the next verb.
func (p *Peer) Want(text string) {
	p.tb.Helper()
	want := []byte(text)
	err := p.receiveUntil(func(unread []byte) bool {
		return len(unread) >= len(want) || !bytes.HasPrefix(want, unread)
	})
	got := p.unread()
	got = got[:min(len(got), len(want))]
	if string(got) == text {
		p.take(len(want))
		return
	}
	at := p.taken()
	if bytes.HasPrefix(want, got) {
		p.failShort(err, len(got), "want: %s after %d of %s (byte %d of the stream): got %q, want %q",
			p.stopped(err), len(got), plural.Count(len(want), "byte"), at+len(got), got, text)
	}
	p.fail(nil, "want: the bytes from byte %d of the stream differ\n%s", at, dialogue.DescribeDifference(want, got))
}

// Next reads the next n bytes, whatever they are.
func (p *Peer) Next(n int) []byte {
	p.tb.Helper()
	err := p.receiveUntil(func(unread []byte) bool { return len(unread) >= n })
	got := p.unread()
	if len(got) < n {
		p.failShort(err, len(got), "next: %s after %d of %s: got %q", p.stopped(err), len(got), plural.Count(n, "byte"), got)
	}
	p.take(n)
	return bytes.Clone(got[:n])
}

// ReadAll reads until the stream ends, and returns what came and how it ended: [FIN],
// [RST], or [Timeout] when it was still open at the end of the peer's time.
func (p *Peer) ReadAll() ([]byte, Ending) {
	err := p.receiveUntil(func([]byte) bool { return false })
	got := bytes.Clone(p.unread())
	p.take(len(got))
	if e := p.Ending(); e != Open {
		return got, e
	}
	return got, EndingOf(err)
}

// WantEOF waits for the end of the stream, in order and without another byte.
func (p *Peer) WantEOF() {
	p.tb.Helper()
	p.wantEnding(FIN)
}

// WantReset waits for a reset, without another byte before it.
func (p *Peer) WantReset() {
	p.tb.Helper()
	p.wantEnding(RST)
}

func (p *Peer) wantEnding(want Ending) {
	p.tb.Helper()
	err := p.receiveUntil(func(unread []byte) bool { return len(unread) > 0 })
	if err == nil {
		p.fail(nil, "want %s: got more bytes at byte %d of the stream: %q", want, p.taken(), p.unread())
	}
	if want == RST && p.Ending() == FIN {
		err = p.awaitReset()
	}
	if p.Ending() != want {
		p.fail(nil, "want %s: %s", want, p.stopped(err))
	}
}

// awaitReset waits for a reset behind a FIN that was read.
func (p *Peer) awaitReset() error {
	_ = p.conn.SetReadDeadline(time.Now().Add(p.within))
	err := sock.WatchReset(p.conn)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ending = RST
	}
	return err
}

// WantSilence waits so long, in which no byte and no end of the stream may come.
func (p *Peer) WantSilence(d time.Duration) {
	p.tb.Helper()
	if got := p.unread(); len(got) > 0 {
		p.fail(nil, "want silence: got %q", got)
	}
	if e := p.Ending(); e != Open {
		p.fail(nil, "want silence: the stream has ended with %s", e)
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	start := time.Now()
	n, err := p.receive()
	switch {
	case n > 0:
		p.fail(nil, "want silence for %v: got %q after %v", d, p.unread(), time.Since(start).Round(time.Millisecond))
	case !errors.Is(err, os.ErrDeadlineExceeded):
		p.fail(err, "want silence for %v: %s after %v", d, p.stopped(err), time.Since(start).Round(time.Millisecond))
	}
}

// CloseWrite ends the peer's own stream by FIN. It can still read.
func (p *Peer) CloseWrite() {
	p.tb.Helper()
	if err := p.conn.CloseWrite(); err != nil {
		p.fail(err, "close write: %v", err)
	}
}

// Reset resets the connection: what the other side has not received is lost.
func (p *Peer) Reset() {
	p.tb.Helper()
	p.closed = true
	if err := sock.ResetConn(p.conn); err != nil && !errors.Is(err, net.ErrClosed) {
		p.fail(err, "reset: %v", err)
	}
}

// Close closes the socket, as a program does that has no more interest: FIN, and a
// reset if bytes are unread or more come.
func (p *Peer) Close() {
	p.closed = true
	_ = p.conn.Close()
}

// taken returns how many bytes verbs have taken: the offset of the next one.
func (p *Peer) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.read
}

// stopped says why reading has ended, with the error that it ended with.
func (p *Peer) stopped(err error) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("nothing came for %v", p.within)
	case errors.Is(err, io.EOF):
		return "the other side ended the stream by FIN"
	case EndingOf(err) == RST:
		return "the other side reset the connection"
	case errors.Is(err, net.ErrClosed):
		return "the test has ended, and the stream had not"
	}
	return err.Error()
}

// failShort fails, unless a server's client has ended before the first byte.
func (p *Peer) failShort(err error, got int, format string, args ...any) {
	p.tb.Helper()
	if got == 0 && errors.Is(err, io.EOF) && p.number > 0 {
		runtime.Goexit()
	}
	p.fail(err, format, args...)
}

// fail fails the test and does not return. A server's script ends without a failure
// where the client, or the test, has ended the connection.
func (p *Peer) fail(err error, format string, args ...any) {
	p.tb.Helper()
	message := fmt.Sprintf("socktest: %v: %s", p, fmt.Sprintf(format, args...))
	if p.number == 0 {
		p.tb.Fatal(message)
	}
	defer runtime.Goexit()
	if e := EndingOf(err); err != nil && (e == RST || e == BrokenPipe || p.Ending() == RST || errors.Is(err, net.ErrClosed) || isNotConnected(err)) {
		return
	}
	// Ginkgo's Errorf panics behind the failure that it notes.
	defer func() { _ = recover() }()
	p.tb.Error(message)
}
