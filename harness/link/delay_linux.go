package link

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
)

const (
	lineLimit = 32 << 20 // bytes that a delay line holds at most: what Toxiproxy's buffer of 1024 chunks does
	linePipes = 32       // pipes that it uses at most
	lateLimit = 4 << 20  // bytes that it holds at most when the destination is behind; 1 MiB costs a tenth of the throughput
	pipeLimit = 2 << 20  // bytes in a pipe beyond which another one is begun
)

// A delayLine holds what the kernel has taken from the source, in pipes, until
// it is due. The reader fills it; a writer runs only while there is something in
// it, so that an idle connection has none.
type delayLine struct {
	splicer
	ctx    context.Context
	stages []Stage // that it stands for
	delays delays
	edit   uint64
	halt   chan struct{} // closed to make the writer return
	less   chan struct{} // tells the reader that there is less; capacity 1
	stuck  stallDetector
	using  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	pipes   []*pipe    // in order
	filling *pipe      // by the reader
	queue   []segment  // in order
	held    int64
	busy    bool // there is a writer
}

// errNoPipe says that the line has to wait until one is free.
var errNoPipe = errors.New("no pipe")

// delayStream carries the stream in the kernel and holds each piece of it, until there
// is something that it cannot do. Before is what comes first.
func (l *Link) delayStream(ctx context.Context, stages []Stage, d delays, edit uint64, before handoff) handoff {
	line := l.newDelayLine(ctx, stages, d, edit)
	if line == nil {
		before.useChain = true
		return before
	}
	l.setActive(stages)
	line.addUnseen(before)
	line.startWriter()
	return line.runLine()
}

// addUnseen puts what was read before into the line.
func (d *delayLine) addUnseen(c handoff) {
	at := d.l.received.Load()
	if p := c.pipe; p != nil {
		d.pipes = []*pipe{p}
		n := p.held
		p.held = 0
		d.addSegment(segment{pipe: p, n: n}, at-int64(n))
	}
	for _, piece := range c.pending {
		at -= int64(len(piece))
	}
	for _, piece := range c.pending {
		d.addSegment(segment{data: piece, n: len(piece)}, at)
		at += int64(len(piece))
	}
}

// newDelayLine returns a line that holds nothing, or nil for a connection that is
// closed.
func (l *Link) newDelayLine(ctx context.Context, stages []Stage, d delays, edit uint64) *delayLine {
	src, err1 := l.src.Conn.SyscallConn()
	dst, err2 := l.dst.Conn.SyscallConn()
	if err1 != nil || err2 != nil {
		return nil
	}
	return &delayLine{splicer: splicer{l: l, src: src, dst: dst}, ctx: ctx, delays: d, stages: stages, edit: edit,
		halt: make(chan struct{}), less: make(chan struct{}, 1)}
}

// resumeHeld goes on with what steps have held, when from was left of the last one.
func (l *Link) resumeHeld(ctx context.Context, from handoff) handoff {
	before := l.steps
	l.steps = stepState{}
	line := l.newDelayLine(ctx, before.stages, before.delays, before.edit)
	if line == nil {
		return handoff{useChain: true}
	}
	line.queue, line.held = before.queue, int64(before.held)
	line.startWriter()
	from.ended = cmp.Or(before.ended, from.ended)
	if from.ended == notEnded {
		return line.runLine()
	}
	defer line.closeLine()
	return line.finishLine(handoff{useChain: true, ended: from.ended})
}

// runLine fills the line until the stream ends, or has to be carried otherwise.
func (d *delayLine) runLine() handoff {
	defer d.closeLine()
	l := d.l
	for d.ctx.Err() == nil && !l.broken.Load() {
		if from, done := d.followChain(); done {
			return from
		}
		if d.parkLine() {
			return handoff{}
		}
		if d.isFull() {
			if d.awaitRoom() {
				return handoff{useChain: true, ended: endedByReset}
			}
			continue
		}
		if !l.beginRead(false) {
			continue
		}
		err := d.fillPipe()
		l.endRead()
		switch {
		case err == nil && l.edits.Load() == d.edit:
			d.startWriter()
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		case !errors.Is(err, errNoPipe):
			return d.finishLine(l.carryOn(err))
		case d.isEmpty():
			l.noSplice = true
			return handoff{useChain: true}
		default:
			d.awaitRoom()
		}
	}
	return handoff{useChain: l.broken.Load()}
}

// followChain makes the line what the chain is wanted to be, if it can.
func (d *delayLine) followChain() (handoff, bool) {
	asked, edit := d.l.wantedChain()
	if edit == d.edit {
		return handoff{}, false
	}
	d.edit = edit
	fresh, ok := d.l.delaysOf(asked)
	d.stopWriter()
	if !ok {
		return d.handOff(asked), true
	}
	d.stages, d.delays = asked, fresh
	for i, s := range d.queue {
		d.queue[i].due, d.queue[i].late = fresh.dueAt(s.at, s.offset), false
	}
	d.l.setActive(asked)
	d.startWriter()
	return handoff{}, false
}

// handOff hands over what is in the line: to the toxics, if those that hold it
// stay, else to the writer.
func (d *delayLine) handOff(asked []Stage) handoff {
	c := handoff{useChain: len(d.queue) > 0}
	stays := slices.ContainsFunc(asked, func(a Stage) bool {
		return slices.ContainsFunc(d.stages, func(s Stage) bool { return s.Name == a.Name })
	})
	for _, s := range d.queue {
		b, err := s.takeBytes()
		if err != nil {
			d.l.markBroken(err)
		}
		for _, piece := range cutPieces(b, chunkSize) {
			if stays || s.late {
				c.delayed = append(c.delayed, chunkItem(&chunk{Data: piece, Timestamp: s.at}))
			} else {
				c.tail = append(c.tail, piece)
			}
		}
	}
	d.queue = nil
	return c
}

// takeBytes returns what the segment holds.
func (s segment) takeBytes() ([]byte, error) {
	if s.pipe == nil {
		return s.data, nil
	}
	b := make([]byte, s.n)
	n, err := s.pipe.readFull(b)
	return b[:n], err
}

// finishLine waits until the line is empty, and says how the stream goes on behind it.
func (d *delayLine) finishLine(c handoff) handoff {
	for !d.isEmpty() && d.ctx.Err() == nil && !d.l.broken.Load() {
		if from, done := d.followChain(); done {
			from.useChain, from.ended = true, c.ended
			return from
		}
		if c.ended == notEnded { // the kernel will not
			d.stopWriter()
			return d.handOff(d.stages)
		}
		if d.awaitRoom() {
			break
		}
	}
	return c
}

// awaitRoom waits until there is less in the line, or something to look at. It
// returns true when the source was reset and the destination takes nothing any
// more: what is in the line is lost then, as it is on a wire.
func (d *delayLine) awaitRoom() (given bool) {
	if d.l.src.wasReset() && d.stuck.tick == nil {
		d.stuck.tick, d.stuck.since = time.NewTicker(progressPeriod), time.Now()
	}
	var tick <-chan time.Time
	if d.stuck.tick != nil {
		tick = d.stuck.tick.C
	}
	select {
	case <-d.less:
	case <-tick:
		d.stuck.checkProgress(d.l)
	case <-d.l.changed:
	case <-d.ctx.Done():
	}
	return d.stuck.gaveUp
}

// stopWriter makes the writer return.
func (d *delayLine) stopWriter() {
	close(d.halt)
	d.l.expireWrite()
	d.using.Wait()
	d.l.restoreWrite()
	d.halt = make(chan struct{})
}

// closeLine ends the line and gives back its pipes.
func (d *delayLine) closeLine() {
	if d.stuck.tick != nil {
		d.stuck.tick.Stop()
	}
	d.mu.Lock()
	busy := d.busy
	d.mu.Unlock()
	if busy {
		d.stopWriter()
	}
	for _, p := range d.pipes {
		d.l.cfg.Pool.putPipe(p)
	}
}

// fillPipe waits until the source has something and takes it into a pipe. The error
// is io.EOF at the end of the stream.
func (d *delayLine) fillPipe() error {
	var n int
	var failed error
	err := d.src.Read(func(fd uintptr) bool {
		n, failed = d.fillOnce(int(fd), false)
		if failed == errPipeFull {
			n, failed = d.fillOnce(int(fd), true)
		}
		return failed != unix.EAGAIN
	})
	switch {
	case err != nil:
		return err
	case failed == errNoPipe:
		return failed
	case failed != nil:
		return os.NewSyscallError("splice", failed)
	case n == 0:
		return io.EOF
	}
	return nil
}

// errPipeFull says that there was no room in the pipe, or nothing to be read.
var errPipeFull = errors.New("pipe full")

// fillOnce takes what the source has into the last pipe, or into another one.
func (d *delayLine) fillOnce(fd int, another bool) (int, error) {
	p := d.pipeToFill(another)
	if p == nil {
		return 0, errNoPipe
	}
	n, err := eintr.Retry(func() (int, error) {
		n, err := unix.Splice(fd, nil, p.w, nil, pipeSize, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		return int(n), err
	})
	if n > 0 && err == nil {
		offset := d.l.received.Load()
		d.l.noteReceived(int64(n))
		d.addSegment(segment{pipe: p, n: n}, offset)
		return n, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filling = nil
	if p.held > 0 && err == unix.EAGAIN {
		return 0, errPipeFull
	}
	d.dropLocked(p)
	return 0, err
}

// pipeToFill returns the pipe to fill, or nil when there is none.
func (d *delayLine) pipeToFill(another bool) *pipe {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.pipes); n > 0 && !another && d.pipes[n-1].held < pipeLimit {
		d.filling = d.pipes[n-1]
		return d.filling
	}
	if len(d.pipes) >= linePipes {
		return nil
	}
	p, err := d.l.cfg.Pool.getPipe()
	if err != nil {
		return nil
	}
	d.pipes = append(d.pipes, p)
	d.filling = p
	return p
}

// dropLocked gives back a pipe that is empty and not being filled.
func (d *delayLine) dropLocked(p *pipe) {
	if p.held > 0 || p == d.filling {
		return
	}
	if i := slices.Index(d.pipes, p); i >= 0 {
		d.pipes = slices.Delete(d.pipes, i, i+1)
		d.l.cfg.Pool.putPipe(p)
	}
}

// addSegment puts what was just read into the queue.
func (d *delayLine) addSegment(s segment, offset int64) {
	s.offset, s.at = offset, time.Now()
	s.due = d.delays.dueAt(s.at, offset)
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.pipe != nil {
		s.pipe.held += s.n
	}
	d.filling = nil
	d.held += int64(s.n)
	s.late = d.l.edits.Load() != d.edit
	d.queue = append(d.queue, s)
}

// isFull reports whether the source has to wait: for what is held, or for a
// destination that does not take what is due.
func (d *delayLine) isFull() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held >= lineLimit || d.held >= lateLimit && time.Since(d.queue[0].due) > 0
}

func (d *delayLine) isEmpty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue) == 0
}
