package peer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"regexp"
	"sync"
)

const tailSize = 64 << 10

// An Output is what a process wrote to stdout or stderr. Its pipe is always
// drained, whatever the process writes: the last 64 KiB are kept in memory, up
// to Command.OutputLimit bytes in a file without a name, and the rest is only
// counted. All methods may be called at any time, from any goroutine.
type Output struct {
	dir   string
	limit int64

	mu      sync.Mutex // guards what follows
	tail    []byte     // last bytes, at most twice tailSize
	length  int64      // of all bytes
	sum     hash.Hash  // of all bytes
	spill   *os.File   // nil until tail overflows
	kept    int64      // bytes in spill
	lost    error      // why the spill ends early
	line    []byte     // the unfinished last line, at most tailSize
	waiters map[*waiter]struct{}
	ended   bool

	settled chan struct{} // closed when all that was written before the exit has been read
	done    chan struct{} // closed when the pipe is at its end or closed
}

func newOutput(dir string, limit int64) *Output {
	return &Output{dir: dir, limit: limit, sum: sha256.New(), waiters: map[*waiter]struct{}{},
		settled: make(chan struct{}), done: make(chan struct{})}
}

// TailBytes returns a copy of the last bytes, at most 64 KiB.
func (o *Output) TailBytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.tail[max(0, len(o.tail)-tailSize):])
}

// TailSince returns a copy of what was written after the first offset bytes: at most the
// last 64 KiB of it.
func (o *Output) TailSince(offset int64) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(max(0, o.length-offset), tailSize, int64(len(o.tail)))
	return bytes.Clone(o.tail[int64(len(o.tail))-n:])
}

// ByteCount returns how many bytes were written, kept or not.
func (o *Output) ByteCount() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.length
}

// SHA256Sum returns the SHA-256 of all bytes written so far, kept or not.
func (o *Output) SHA256Sum() (sum [sha256.Size]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sum.Sum(sum[:0])
	return sum
}

// DroppedBytes returns how many bytes Open does not give back, because they were
// beyond the limit or could not be written to disk.
func (o *Output) DroppedBytes() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.spill == nil && o.lost == nil {
		return 0
	}
	return o.length - o.kept
}

// OpenReader returns the output from its first byte on, as far as it was kept, and
// as of now. The reader is valid until the process is closed; the caller
// closes it.
func (o *Output) OpenReader() (io.ReadCloser, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost != nil {
		return nil, fmt.Errorf("output open: %w", o.lost)
	}
	if o.spill == nil {
		return io.NopCloser(bytes.NewReader(bytes.Clone(o.tail))), nil
	}
	return io.NopCloser(io.NewSectionReader(o.spill, 0, o.kept)), nil
}

// writeBytes takes the next bytes of the process.
func (o *Output) writeBytes(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sum.Write(b)
	o.keepLocked(b)
	o.length += int64(len(b))
	o.tail = append(o.tail, b...)
	if len(o.tail) > 2*tailSize {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-tailSize:]...)
	}
	o.matchLocked(b)
}

// keepLocked moves everything to a file when the tail can no longer hold it.
func (o *Output) keepLocked(b []byte) {
	if o.spill == nil && o.lost == nil {
		if len(o.tail)+len(b) <= tailSize {
			return
		}
		if o.spill, o.lost = unnamedFile(o.dir); o.lost == nil {
			o.spillLocked(o.tail)
		}
	}
	if o.lost == nil {
		o.spillLocked(b)
	}
}

func (o *Output) spillLocked(b []byte) {
	b = b[:min(int64(len(b)), o.limit-o.kept)]
	n, err := o.spill.Write(b)
	o.kept += int64(n)
	if err != nil {
		o.limit = o.kept
	}
}

// endOutput says that no more bytes come.
func (o *Output) endOutput() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	for w := range o.waiters {
		close(w.found)
	}
	clear(o.waiters)
	close(o.done)
}

// closeFile gives the file back.
func (o *Output) closeFile() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.spill == nil {
		return nil
	}
	o.lost = os.ErrClosed
	return o.spill.Close()
}

// unnamedFile creates a file that vanishes with its descriptor, so that nothing
// is left even when we are killed.
func unnamedFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "harness-output-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// ErrEnded is wrapped by the error of WaitFor when the stream is at its end.
var ErrEnded = errors.New("the output ended")

type waiter struct {
	re    *regexp.Regexp // nil: any byte will do
	match []byte
	found chan struct{} // closed when match is set, or the output ended
}

// WaitFor blocks until a line matches re, and returns the line without its
// newline. Lines written before the call count as far as Tail holds them, and
// so does a last line that is not finished. The error wraps [ErrEnded] when
// the process closed the stream first, or is the context's.
func (o *Output) WaitFor(ctx context.Context, re *regexp.Regexp) ([]byte, error) {
	w := &waiter{re: re, found: make(chan struct{})}
	o.mu.Lock()
	line, found := firstMatch(re, o.tail)
	if ended := o.ended; found || ended {
		o.mu.Unlock()
		return line, endedUnless(found, re)
	}
	o.waiters[w] = struct{}{}
	o.mu.Unlock()
	select {
	case <-w.found:
		return w.match, endedUnless(w.match != nil, re)
	case <-ctx.Done():
		o.forgetWaiter(w)
		return nil, fmt.Errorf("no line matched %q: %w", re, context.Cause(ctx))
	}
}

// AwaitMore blocks until the process has written more than n bytes, and reports whether it
// has: not when its output or the context has ended first.
func (o *Output) AwaitMore(ctx context.Context, n int64) bool {
	for {
		more, next := o.awaitNext(n)
		if next == nil {
			return more
		}
		select {
		case <-next.found:
		case <-ctx.Done():
			o.forgetWaiter(next)
			return o.ByteCount() > n
		}
	}
}

// awaitNext reports whether there are more than n bytes. Where more may still come it returns what
// waits for the next of them.
func (o *Output) awaitNext(n int64) (more bool, next *waiter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if more = o.length > n; more || o.ended {
		return more, nil
	}
	next = &waiter{found: make(chan struct{})}
	o.waiters[next] = struct{}{}
	return false, next
}

// forgetWaiter is for one whose wait is over.
func (o *Output) forgetWaiter(w *waiter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waiters, w)
}

func endedUnless(found bool, re *regexp.Regexp) error {
	if found {
		return nil
	}
	return fmt.Errorf("no line matched %q: %w", re, ErrEnded)
}

// matchLocked shows the lines that b completes or extends to all who wait.
func (o *Output) matchLocked(b []byte) {
	rest := b[bytes.LastIndexByte(b, '\n')+1:]
	if len(o.waiters) > 0 {
		text := append(o.line[:len(o.line):len(o.line)], b...)
		for w := range o.waiters {
			if w.re == nil {
				close(w.found)
				delete(o.waiters, w)
			} else if line, found := firstMatch(w.re, text); found {
				w.match = line
				close(w.found)
				delete(o.waiters, w)
			}
		}
	}
	if len(rest) < len(b) {
		o.line = o.line[:0]
	}
	o.line = append(o.line, rest[:min(len(rest), tailSize-len(o.line))]...)
}

func firstMatch(re *regexp.Regexp, text []byte) ([]byte, bool) {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimRight(line, "\r\n"); re.Match(line) {
			return append([]byte{}, line...), true
		}
	}
	return nil, false
}
