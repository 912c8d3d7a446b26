package peer

import (
	"os"
	"time"
)

// A process may have grown its pipe to this (fs.pipe-max-size), so once that
// many bytes were read after its exit, all of its own have been.
const pipeMax = 1 << 20

// drainPipe reads the pipe until it ends or is closed. When the process has exited
// (see settle), it first empties the pipe, and then goes on reading what
// descendants write that hold the pipe open.
func (o *Output) drainPipe(pipe *os.File) {
	defer o.endOutput()
	buf := make([]byte, 32<<10)
	settling := false
	for {
		n, err := pipe.Read(buf)
		o.writeBytes(buf[:n])
		switch {
		case err == nil:
		case os.IsTimeout(err) && !settling:
			settling = true
			pipe.SetReadDeadline(time.Time{})
			o.emptyPipe(pipe, buf)
			close(o.settled)
		default:
			if !settling {
				close(o.settled)
			}
			return
		}
	}
}

// emptyPipe reads without blocking until the pipe has nothing more.
func (o *Output) emptyPipe(pipe *os.File, buf []byte) {
	for total := 0; total < pipeMax; {
		n := readNow(pipe, buf)
		if n <= 0 {
			return
		}
		o.writeBytes(buf[:n])
		total += n
	}
}

// settleExit is called once when the process has exited.
func (o *Output) settleExit(pipe *os.File) {
	if pipe.SetReadDeadline(time.Unix(1, 0)) == nil {
		<-o.settled
		return
	}
	select { // no deadlines on this system's pipes: its end, or a bound
	case <-o.settled:
	case <-time.After(250 * time.Millisecond):
	}
}
