package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
)

// pipeSize is how much of a stream a splice holds in the kernel at most, bytes.
// A larger pipe needs fewer calls: 0.26 s of CPU for a gigabyte at 1 MiB, 0.40 s
// at 256 KiB. But a user may have 64 MiB of them only, and beyond that 8 KiB each.
const (
	pipeSize  = 1 << 20   // of the first so many pipes that are in use at once
	bigPipes  = 16        // so many
	smallPipe = 256 << 10 // of the others
)

// A pipe carries bytes between two sockets without a copy.
type pipe struct {
	r, w int
	held int // bytes in it
}

func newPipe(size int) (*pipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	// A smaller pipe works too, should the user's quota be used up.
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, size)
	return &pipe{r: fds[0], w: fds[1]}, nil
}

func (p *pipe) closeFDs() {
	_ = unix.Close(p.r)
	_ = unix.Close(p.w)
}

// takeAll returns what the pipe holds and empties it.
func (p *pipe) takeAll() ([]byte, error) {
	b := make([]byte, p.held)
	n, err := p.readFull(b)
	return b[:n], err
}

// readFull fills b, which must not be longer than what the pipe holds.
func (p *pipe) readFull(b []byte) (at int, err error) {
	for at < len(b) {
		n, err := eintr.Retry(func() (int, error) { return unix.Read(p.r, b[at:]) })
		if err != nil {
			return at, fmt.Errorf("pipe read: %w", err)
		}
		at += n
		p.held -= n
	}
	return at, nil
}

// spliceStream carries the stream without cutting it into chunks, until there is
// something to look at for the reader: an edit, the end of the stream, a destination
// that is broken. What is read goes into a large buffer; when all of these are in use,
// it stays in the kernel. The first costs this process more and its peers less: what
// a pipe has carried reaches the destination in pages that are in no cache.
func (l *Link) spliceStream(edit uint64) handoff {
	src, err1 := l.src.Conn.SyscallConn()
	dst, err2 := l.dst.Conn.SyscallConn()
	if err1 != nil || err2 != nil || !l.beginRead(true) {
		return handoff{}
	}
	defer l.endRead()
	s := splicer{l: l, src: src, dst: dst}
	defer s.putBack()
	for {
		err := s.fill()
		switch {
		case err != nil:
			return l.carryOn(err)
		case l.edits.Load() != edit:
			return s.handOver()
		}
		if err := s.drain(); err != nil {
			return s.afterStall(err)
		}
		runtime.Gosched() // to those who carry little: the runtime alone would let them wait for 10 ms
	}
}

// A splicer moves bytes that are not looked at.
type splicer struct {
	l        *Link
	src, dst syscall.RawConn
	buffer   *bulkBuffer // nil while nothing is to be read, or there is a pipe
	held     []byte      // the part of it that was read and not written
	pipe     *pipe       // nil while nothing is to be read, or there is a buffer
}

// fill waits until the source has something and takes it. The error is io.EOF at the end
// of the stream.
func (s *splicer) fill() error {
	var n int
	var failed error
	err := s.src.Read(func(fd uintptr) bool {
		if n, failed = s.fillOnce(int(fd)); failed == unix.EAGAIN {
			s.putBack()
			return false
		}
		return true
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return os.NewSyscallError("splice", failed)
	case n == 0:
		return io.EOF
	}
	s.l.noteReceived(int64(n))
	return nil
}

// fillOnce takes what the source has.
func (s *splicer) fillOnce(fd int) (n int, err error) {
	if s.buffer == nil && s.pipe == nil {
		if s.buffer = s.l.cfg.Pool.getBulk(); s.buffer == nil {
			if s.pipe, err = s.l.cfg.Pool.getPipe(); err != nil {
				return 0, err
			}
		}
	}
	if s.buffer != nil {
		n, err = readOnce(fd, s.buffer[:])
		s.held = s.buffer[:max(n, 0)]
		return n, err
	}
	n, err = eintr.Retry(func() (int, error) {
		n, err := unix.Splice(fd, nil, s.pipe.w, nil, pipeSize, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		return int(n), err
	})
	s.pipe.held += max(n, 0)
	return n, err
}

// drain hands what was read to the destination.
func (s *splicer) drain() error {
	s.l.emitBytes(s.l.sent.Load() + int64(s.numHeld()))
	s.l.inWrite.Store(true)
	defer s.l.inWrite.Store(false)
	for s.numHeld() > 0 {
		var n int
		var failed error
		err := s.dst.Write(func(fd uintptr) bool {
			n, failed = eintr.Retry(func() (int, error) { return s.drainOnce(int(fd)) })
			return failed != unix.EAGAIN
		})
		switch {
		case err != nil:
			return err
		case failed != nil:
			return os.NewSyscallError("write", failed)
		}
		s.l.direct.Add(int64(n))
		s.l.sent.Add(int64(n))
	}
	return nil
}

// numHeld returns how many bytes were read and not written.
func (s *splicer) numHeld() int {
	if s.pipe != nil {
		return s.pipe.held
	}
	return len(s.held)
}

// drainOnce hands over what the destination takes at once.
func (s *splicer) drainOnce(fd int) (n int, err error) {
	if s.buffer != nil {
		n, err = unix.Write(fd, s.held)
		s.held = s.held[max(n, 0):]
		return n, err
	}
	moved, err := unix.Splice(s.pipe.r, nil, fd, nil, s.pipe.held, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
	s.pipe.held -= int(max(moved, 0))
	return int(moved), err
}

// handOver hands what was read to a chain.
func (s *splicer) handOver() handoff {
	c := handoff{useChain: true, pipe: s.pipe, pending: cutPieces(bytes.Clone(s.held), chunkSize)}
	s.pipe, s.held = nil, nil
	return c
}

// afterStall says how to go on after the destination has not taken everything.
func (s *splicer) afterStall(err error) handoff {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		s.l.markBroken(err)
	}
	left := bytes.Clone(s.held)
	if s.pipe != nil {
		if left, err = s.pipe.takeAll(); err != nil {
			s.l.markBroken(err)
		}
	}
	return handoff{useChain: true, tail: cutPieces(left, chunkSize)}
}

// takeFromPipe takes out of its pipe what was read, to go through a chain.
func (l *Link) takeFromPipe(c handoff) handoff {
	if c.pipe == nil {
		return c
	}
	b, err := c.pipe.takeAll()
	if err != nil {
		l.markBroken(err)
	}
	l.cfg.Pool.putPipe(c.pipe)
	c.pipe, c.pending = nil, cutPieces(b, chunkSize)
	return c
}

// putBack gives back what the splicer moves by.
func (s *splicer) putBack() {
	if s.pipe != nil {
		s.l.cfg.Pool.putPipe(s.pipe)
	}
	if s.buffer != nil {
		s.l.cfg.Pool.putBulk(s.buffer)
	}
	s.buffer, s.held, s.pipe = nil, nil, nil
}

// carryOn says how to go on after the source gave no more bytes.
func (l *Link) carryOn(err error) handoff {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return handoff{}
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		l.noSplice = true
		return handoff{useChain: true}
	}
	return handoff{useChain: true, ended: l.classifyReadError(err)}
}
