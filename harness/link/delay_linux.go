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
	stuck  stuckness
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

// delay carries the stream in the kernel and holds each piece of it, until there
// is something that it cannot do. Before is a pipe with what comes first, or nil.
func (l *Link) delay(ctx context.Context, stages []Stage, d delays, edit uint64, before *pipe) carry {
	line := l.newDelayLine(ctx, stages, d, edit)
	if line == nil {
		return carry{toChain: true}
	}
	l.setActive(stages)
	if before != nil {
		line.pipes = []*pipe{before}
		n := before.held
		before.held = 0
		line.add(before, n, l.received.Load()-int64(n))
		line.start()
	}
	return line.run()
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

// resume goes on with what steps have held, when from was left of the last one.
func (l *Link) resume(ctx context.Context, from carry) carry {
	before := l.steps
	l.steps = stepping{}
	line := l.newDelayLine(ctx, before.stages, before.delays, before.edit)
	if line == nil {
		return carry{toChain: true}
	}
	line.queue, line.held = before.queue, int64(before.held)
	line.start()
	from.ended = cmp.Or(before.ended, from.ended)
	if from.ended == notEnded {
		return line.run()
	}
	defer line.close()
	return line.finish(carry{toChain: true, ended: from.ended})
}

// run fills the line until the stream ends, or has to be carried otherwise.
func (d *delayLine) run() carry {
	defer d.close()
	l := d.l
	for d.ctx.Err() == nil && !l.broken.Load() {
		if from, done := d.follow(); done {
			return from
		}
		if d.full() {
			if d.await() {
				return carry{toChain: true, ended: endedByReset}
			}
			continue
		}
		if !l.begin(false) {
			continue
		}
		err := d.fill()
		l.end()
		switch {
		case err == nil && l.edits.Load() == d.edit:
			d.start()
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		case !errors.Is(err, errNoPipe):
			return d.finish(l.carryOn(err))
		case d.empty():
			l.noSplice = true
			return carry{toChain: true}
		default:
			d.await()
		}
	}
	return carry{toChain: l.broken.Load()}
}

// follow makes the line what the chain is wanted to be, if it can.
func (d *delayLine) follow() (carry, bool) {
	asked, edit := d.l.look()
	if edit == d.edit {
		return carry{}, false
	}
	d.edit = edit
	fresh, ok := d.l.delaysOf(asked)
	d.stop()
	if !ok {
		return d.leave(asked), true
	}
	d.stages, d.delays = asked, fresh
	for i, s := range d.queue {
		d.queue[i].due, d.queue[i].late = fresh.due(s.at, s.offset), false
	}
	d.l.setActive(asked)
	d.start()
	return carry{}, false
}

// leave hands over what is in the line: to the toxics, if those that hold it
// stay, else to the writer.
func (d *delayLine) leave(asked []Stage) carry {
	c := carry{toChain: len(d.queue) > 0}
	stays := slices.ContainsFunc(asked, func(a Stage) bool {
		return slices.ContainsFunc(d.stages, func(s Stage) bool { return s.Name == a.Name })
	})
	for _, s := range d.queue {
		b, err := s.take()
		if err != nil {
			d.l.breakOff(err)
		}
		for _, piece := range cut(b, chunkSize) {
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

// take returns what the segment holds.
func (s segment) take() ([]byte, error) {
	if s.pipe == nil {
		return s.data, nil
	}
	b := make([]byte, s.n)
	n, err := s.pipe.read(b)
	return b[:n], err
}

// finish waits until the line is empty, and says how the stream goes on behind it.
func (d *delayLine) finish(c carry) carry {
	for !d.empty() && d.ctx.Err() == nil && !d.l.broken.Load() {
		if from, done := d.follow(); done {
			from.toChain, from.ended = true, c.ended
			return from
		}
		if c.ended == notEnded { // the kernel will not
			d.stop()
			return d.leave(d.stages)
		}
		if d.await() {
			break
		}
	}
	return c
}

// await waits until there is less in the line, or something to look at. It
// returns true when the source was reset and the destination takes nothing any
// more: what is in the line is lost then, as it is on a wire.
func (d *delayLine) await() (given bool) {
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
		d.stuck.look(d.l)
	case <-d.l.changed:
	case <-d.ctx.Done():
	}
	return d.stuck.given
}

// stop makes the writer return.
func (d *delayLine) stop() {
	close(d.halt)
	d.l.expireWrite()
	d.using.Wait()
	d.l.restoreWrite()
	d.halt = make(chan struct{})
}

// close ends the line and gives back its pipes.
func (d *delayLine) close() {
	if d.stuck.tick != nil {
		d.stuck.tick.Stop()
	}
	d.mu.Lock()
	busy := d.busy
	d.mu.Unlock()
	if busy {
		d.stop()
	}
	for _, p := range d.pipes {
		d.l.cfg.Pool.givePipe(p)
	}
}

// fill waits until the source has something and takes it into a pipe. The error
// is io.EOF at the end of the stream.
func (d *delayLine) fill() error {
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
	p := d.last(another)
	if p == nil {
		return 0, errNoPipe
	}
	n, err := ignoringEINTR(func() (int, error) {
		n, err := unix.Splice(fd, nil, p.w, nil, pipeSize, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		return int(n), err
	})
	if n > 0 && err == nil {
		offset := d.l.received.Load()
		d.l.count(int64(n))
		d.add(p, n, offset)
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

// last returns the pipe to fill, or nil when there is none.
func (d *delayLine) last(another bool) *pipe {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.pipes); n > 0 && !another && d.pipes[n-1].held < pipeLimit {
		d.filling = d.pipes[n-1]
		return d.filling
	}
	if len(d.pipes) >= linePipes {
		return nil
	}
	p, err := d.l.cfg.Pool.pipe()
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
		d.l.cfg.Pool.givePipe(p)
	}
}

// add puts n bytes that are in the pipe into the queue.
func (d *delayLine) add(p *pipe, n int, offset int64) {
	now := time.Now()
	due := d.delays.due(now, offset)
	d.mu.Lock()
	defer d.mu.Unlock()
	p.held += n
	d.filling = nil
	d.held += int64(n)
	d.queue = append(d.queue, segment{pipe: p, n: n, offset: offset, at: now, due: due, late: d.l.edits.Load() != d.edit})
}

// full reports whether the source has to wait: for what is held, or for a
// destination that does not take what is due.
func (d *delayLine) full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held >= lineLimit || d.held >= lateLimit && time.Since(d.queue[0].due) > 0
}

func (d *delayLine) empty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue) == 0
}
