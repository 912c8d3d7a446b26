package link

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
)

// startWriter sees that there is a writer if there is something to write.
func (d *delayLine) startWriter() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 || d.busy {
		return
	}
	d.busy = true
	halt := d.halt
	d.using.Go(func() { d.writeDue(halt) })
}

// writeDue hands what is due to the destination, until nothing is left.
func (d *delayLine) writeDue(halt <-chan struct{}) {
	for {
		s, ok := d.nextSegment(halt)
		if !ok {
			return
		}
		if s.late { // it is for the next chain
			<-halt
			continue
		}
		if time.Until(s.due) > 0 && !d.l.cfg.Pool.clock.waitUntil(s.due, halt) {
			continue
		}
		if err := d.spliceSegment(d.mergeDue(s)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			d.l.markBroken(err)
			d.l.wakeReader()
		} else if err != nil {
			<-halt // nobody else makes a deadline expire, and then soon
		}
		if d.l.broken.Load() {
			<-halt
		}
	}
}

// parkLine leaves what is in the line to steps, if somebody has asked for that and it is not
// much.
func (d *delayLine) parkLine() bool {
	refuse := d.l.takeParking()
	if refuse == nil {
		return false
	}
	d.mu.Lock()
	much := d.held >= stepLimit/2
	d.mu.Unlock()
	if much {
		(*refuse)()
		return false
	}
	d.stopWriter()
	next := stepState{edit: d.edit, stages: d.stages, delays: d.delays, held: int(d.held)}
	for _, s := range d.queue {
		b, err := s.takeBytes()
		if err != nil {
			d.l.markBroken(err)
		}
		s.pipe, s.data = nil, b
		next.queue = append(next.queue, s)
	}
	d.queue, d.l.steps = nil, next
	d.l.parking.Store(refuse) // RunStream returns
	return true
}

// nextSegment returns what is to be written next. Without anything there is no writer
// any more.
func (d *delayLine) nextSegment(halt <-chan struct{}) (segment, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-halt:
		d.busy = false
		return segment{}, false
	default:
	}
	if len(d.queue) == 0 {
		d.queue = nil
		d.busy = false
		return segment{}, false
	}
	return d.queue[0], true
}

// mergeDue adds to the head of the queue what is behind it in the same pipe, and due as
// well: a source that sends much is read in many small pieces.
func (d *delayLine) mergeDue(s segment) segment {
	if s.pipe == nil {
		return s
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, next := range d.queue[1:] {
		if next.pipe != s.pipe || next.late || next.due.After(now) {
			break
		}
		s.n += next.n
	}
	return s
}

// spliceSegment splices a segment into the destination.
func (d *delayLine) spliceSegment(s segment) error {
	l := d.l
	l.emitBytes(l.sent.Load() + int64(s.n))
	l.inWrite.Store(true)
	defer l.inWrite.Store(false)
	for s.n > 0 {
		n, err := d.sendSome(s)
		if err != nil {
			return err
		}
		s = s.trimmedBy(n)
		l.direct.Add(int64(n))
		l.sent.Add(int64(n))
		d.noteSent(n)
	}
	return nil
}

// trimmedBy returns what is left of a segment after n bytes of it were sent.
func (s segment) trimmedBy(n int) segment {
	s.n -= n
	if s.pipe == nil {
		s.data = s.data[n:]
	}
	return s
}

func (d *delayLine) sendSome(s segment) (n int, err error) {
	var failed error
	err = d.dst.Write(func(fd uintptr) bool {
		n, failed = eintr.Retry(func() (int, error) {
			if s.pipe == nil {
				return unix.Write(int(fd), s.data)
			}
			n, err := unix.Splice(s.pipe.r, nil, int(fd), nil, s.n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			return int(n), err
		})
		return failed != unix.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, os.NewSyscallError("write", failed)
	}
	return n, nil
}

// noteSent takes n bytes off the head of the queue, which are all in the same pipe.
func (d *delayLine) noteSent(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held -= int64(n)
	p := d.queue[0].pipe
	if p != nil {
		p.held -= n
	}
	for n > 0 {
		taken := min(n, d.queue[0].n)
		n -= taken
		if d.queue[0] = d.queue[0].trimmedBy(taken); d.queue[0].n > 0 {
			return
		}
		d.queue = d.queue[1:]
	}
	if p != nil {
		d.dropLocked(p)
	}
	select {
	case d.less <- struct{}{}:
	default:
	}
}
