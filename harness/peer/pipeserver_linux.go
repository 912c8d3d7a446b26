package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sleep"
)

// ServePipes listens on a unix socket and runs the command once for each connection: what
// the client sends is the command's standard input, and its standard output is what the
// client receives. Standard error is ours. It blocks until the context ends; then the
// programs that still run are killed.
//
// Bytes leave the socket only when the program has read them from its pipe, so that
// the unread bytes of the socket, which the kernel tells, are what the program has not
// read. The client's FIN closes the input; a client that is gone closes the output, too.
// The input is a pipe of one page (4 KiB). No timer runs while nothing moves.
func ServePipes(ctx context.Context, path string, command []string) error {
	return serveStdio(ctx, path, command, runOnPipes)
}

// ServeSocketpair is [ServePipes] with one unix stream socket as standard input and output,
// as inetd and socketpair(2) give it: the connection itself, of which we keep nothing.
func ServeSocketpair(ctx context.Context, path string, command []string) error {
	return serveStdio(ctx, path, command, runOnSocket)
}

// serveStdio runs the command once for each connection, as run does it.
func serveStdio(ctx context.Context, path string, command []string, run func(context.Context, *net.UnixConn, []string) error) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("pipes listen: %w", err)
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
			sleep.For(ctx, 10*time.Millisecond) // nothing tells when there is room
			continue
		case err != nil:
			return fmt.Errorf("pipes accept: %w", err)
		}
		wg.Go(func() {
			defer conn.Close()
			if err := run(ctx, conn, command); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
}

// runOnSocket runs the command with the connection itself as its input and output. What
// it leaves running keeps the connection.
func runOnSocket(ctx context.Context, conn *net.UnixConn, command []string) error {
	file, err := conn.File()
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	defer file.Close()
	if err := unix.SetNonblock(int(file.Fd()), false); err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = file, file, os.Stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	file.Close()
	conn.Close()
	_ = cmd.Wait() // how it ended is visible to the client by its bytes
	return nil
}

// runOnPipes runs the command with pipes to and from the connection as its input and output.
func runOnPipes(ctx context.Context, conn *net.UnixConn, command []string) error {
	inRead, inWrite, err := onePagePipe()
	if err != nil {
		return fmt.Errorf("pipes: %w", err)
	}
	defer inWrite.Close()
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		inRead.Close()
		return fmt.Errorf("pipes: %w", err)
	}
	defer outRead.Close()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inRead, outWrite, os.Stderr
	err = cmd.Start()
	inRead.Close()
	outWrite.Close()
	if err != nil {
		return fmt.Errorf("pipes: %w", err)
	}
	_ = conn.SetWriteBuffer(os.Getpagesize()) // as little as may be lies behind the pipe
	var wg sync.WaitGroup
	wg.Go(func() {
		if feedInput(conn, inWrite) != nil {
			outRead.Close() // the client is gone: nothing reads what comes
		}
		inWrite.Close()
	})
	wg.Go(func() {
		_, _ = io.Copy(conn, outRead)
		outRead.Close()
		_ = conn.CloseWrite()
	})
	_ = cmd.Wait() // how it ended is visible to the client by its bytes
	past := time.Unix(1, 0)
	_, _ = conn.SetReadDeadline(past), inWrite.SetWriteDeadline(past)
	wg.Wait()
	return nil
}

// onePagePipe returns a pipe that is full as soon as it holds anything, so that the kernel
// says "writable" when all was read, and not before.
func onePagePipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err != nil {
		return nil, nil, err
	}
	raw, err := w.SyscallConn()
	if err == nil {
		failed := raw.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, os.Getpagesize()) })
		err = errors.Join(failed, err)
	}
	if err != nil {
		r.Close()
		w.Close()
		return nil, nil, fmt.Errorf("size: %w", err)
	}
	return r, w, nil
}

// feedInput writes what arrives on the connection into the pipe, and takes it from the
// socket when the program has read it. Nil is the client's FIN, or the program's end.
func feedInput(conn *net.UnixConn, pipe *os.File) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for {
		n := 0
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, _, failed = unix.Recvfrom(int(fd), buf, unix.MSG_PEEK)
			return failed != unix.EAGAIN && failed != unix.EINTR
		})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil || failed != nil:
			return errors.Join(err, failed)
		case n == 0:
			return nil
		}
		if _, err := pipe.Write(buf[:n]); err != nil {
			return nil // the program has closed its input, or ended
		}
		if !awaitPipeRead(pipe) {
			return nil
		}
		if _, err := io.ReadFull(conn, buf[:n]); err != nil {
			return err
		}
	}
}

// awaitPipeRead blocks until nothing lies unread in the pipe of one page; false when
// nobody is left to read it, or its write deadline has passed.
func awaitPipeRead(pipe *os.File) bool {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return false
	}
	unread, over := 0, false
	err = raw.Write(func(fd uintptr) bool {
		unread, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		over = err != nil || hasNoReader(int(fd))
		return over || unread == 0
	})
	return err == nil && !over
}

// hasNoReader reports whether the other end of a pipe is closed.
func hasNoReader(fd int) bool {
	poll := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 1 && poll[0].Revents&unix.POLLERR != 0
}
