//go:build unix

package link

import (
	"io"
	"os"
	"syscall"

	"github.com/sockharness/harness/harness/eintr"
)

// readChunk returns what the source has, up to one chunk. It holds no buffer while
// it waits. The error is io.EOF at the end of the stream.
func (l *Link) readChunk() ([]byte, error) {
	if isWrapped(l.src.Conn) {
		return l.readWrapped()
	}
	raw, err := l.src.Conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var chunk []byte
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		buf := l.cfg.Pool.getBuffer()
		defer l.cfg.Pool.putBuffer(buf)
		n, err := readOnce(int(fd), buf[:])
		if err == syscall.EAGAIN {
			return false
		}
		chunk, failed = append(chunk, buf[:max(n, 0)]...), err
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, os.NewSyscallError("read", failed)
	case len(chunk) == 0:
		return nil, io.EOF
	}
	return chunk, nil
}

func readOnce(fd int, p []byte) (int, error) {
	return eintr.Retry(func() (int, error) { return syscall.Read(fd, p) })
}

// discardInput drops what c has received and nobody has read, up to limit bytes.
func discardInput(c Conn, pool *Pool, limit int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	buf := pool.getBuffer()
	defer pool.putBuffer(buf)
	_ = raw.Read(func(fd uintptr) bool {
		for limit > 0 {
			n, err := readOnce(int(fd), buf[:])
			if n <= 0 || err != nil {
				break
			}
			limit -= n
		}
		return true
	})
}
