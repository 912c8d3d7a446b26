package link

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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

func (p *pipe) close() {
	_ = unix.Close(p.r)
	_ = unix.Close(p.w)
}

// take returns what the pipe holds and empties it.
func (p *pipe) take() ([]byte, error) {
	b := make([]byte, p.held)
	n, err := p.read(b)
	return b[:n], err
}

// read fills b, which must not be longer than what the pipe holds.
func (p *pipe) read(b []byte) (at int, err error) {
	for at < len(b) {
		n, err := ignoringEINTR(func() (int, error) { return unix.Read(p.r, b[at:]) })
		if err != nil {
			return at, fmt.Errorf("pipe read: %w", err)
		}
		at += n
		p.held -= n
	}
	return at, nil
}

// splice carries the stream in the kernel until there is something to look at
// for the reader: an edit, the end of the stream, a destination that is broken.
func (l *Link) splice(edit uint64) carry {
	src, err1 := l.src.Conn.SyscallConn()
	dst, err2 := l.dst.Conn.SyscallConn()
	if err1 != nil || err2 != nil || !l.begin(true) {
		return carry{}
	}
	defer l.end()
	s := splicer{l: l, src: src, dst: dst}
	defer s.givePipe()
	for {
		err := s.fill()
		switch {
		case err != nil:
			return l.carryOn(err)
		case l.edits.Load() != edit:
			c := carry{toChain: true, pipe: s.pipe}
			s.pipe = nil
			return c
		}
		if err := s.drain(); err != nil {
			return s.stuck(err)
		}
	}
}

type splicer struct {
	l        *Link
	src, dst syscall.RawConn
	pipe     *pipe // nil while nothing is to be read
}

// fill waits until the source has something and takes it into a pipe. The error
// is io.EOF at the end of the stream.
func (s *splicer) fill() error {
	var n int
	var failed error
	err := s.src.Read(func(fd uintptr) bool {
		if s.pipe == nil {
			if s.pipe, failed = s.l.cfg.Pool.pipe(); failed != nil {
				return true
			}
		}
		n, failed = ignoringEINTR(func() (int, error) {
			n, err := unix.Splice(int(fd), nil, s.pipe.w, nil, pipeSize, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			return int(n), err
		})
		if failed == unix.EAGAIN {
			s.givePipe()
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
	s.pipe.held = n
	s.l.count(int64(n))
	return nil
}

// drain hands what is in the pipe to the destination.
func (s *splicer) drain() error {
	s.l.emitBytes(s.l.sent.Load() + int64(s.pipe.held))
	s.l.inWrite.Store(true)
	defer s.l.inWrite.Store(false)
	for s.pipe.held > 0 {
		var n int
		var failed error
		err := s.dst.Write(func(fd uintptr) bool {
			n, failed = ignoringEINTR(func() (int, error) {
				n, err := unix.Splice(s.pipe.r, nil, int(fd), nil, s.pipe.held, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
				return int(n), err
			})
			return failed != unix.EAGAIN
		})
		switch {
		case err != nil:
			return err
		case failed != nil:
			return os.NewSyscallError("splice", failed)
		}
		s.pipe.held -= n
		s.l.spliced.Add(int64(n))
		s.l.sent.Add(int64(n))
	}
	return nil
}

// stuck says how to go on after the destination has not taken everything.
func (s *splicer) stuck(err error) carry {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		s.l.breakOff(err)
	}
	return s.carryPipe()
}

// carryPipe hands the bytes in the pipe to the writer of a chain.
func (s *splicer) carryPipe() carry {
	b, err := s.pipe.take()
	if err != nil {
		s.l.breakOff(err)
	}
	return carry{toChain: true, tail: cut(b, chunkSize)}
}

// unpipe takes out of its pipe what was read, to go through a chain.
func (l *Link) unpipe(c carry) carry {
	if c.pipe == nil {
		return c
	}
	b, err := c.pipe.take()
	if err != nil {
		l.breakOff(err)
	}
	l.cfg.Pool.givePipe(c.pipe)
	c.pipe, c.pending = nil, cut(b, chunkSize)
	return c
}

func (s *splicer) givePipe() {
	if s.pipe != nil {
		s.l.cfg.Pool.givePipe(s.pipe)
		s.pipe = nil
	}
}

// carryOn says how to go on after the source gave no more bytes.
func (l *Link) carryOn(err error) carry {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return carry{}
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		l.noSplice = true
		return carry{toChain: true}
	}
	return carry{toChain: true, ended: l.classify(err)}
}

func ignoringEINTR(act func() (int, error)) (int, error) {
	for {
		n, err := act()
		if err != unix.EINTR {
			return n, err
		}
	}
}
