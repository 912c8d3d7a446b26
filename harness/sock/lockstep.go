package sock

import (
	"context"
	"net/netip"
	"time"
)

// AwaitConsumed blocks until the process behind the socket receiver has read all
// of the sent bytes that sender has written on the connection since it was
// established; a FIN counts as one byte more. Nil says that the read has
// returned: a byte written from now on cannot be glued to those before it. A
// FIN that comes while bytes before it are unread counts as read with the last
// of them; to know of an end of file, await the bytes before sending the FIN.
//
// The error is [ErrNotFound] when the receiver is not on this host, or is gone
// without having read; the context's error when it ends first. The wait may be
// endless (a process may peek, or ask for more by SO_RCVLOWAT), so bound it.
//
// It waits without sleeping for a fraction of a millisecond and then less and
// less eagerly, up to one query per millisecond.
func (d *Diag) AwaitConsumed(ctx context.Context, receiver, sender netip.AddrPort, sent uint64) error {
	// The kernel reads the queue's length first and then takes the socket's lock
	// to measure, while a segment that meets a read in progress waits outside of
	// the queue. So an empty queue proves something only in an answer later than
	// the one that has seen the bytes come in.
	err := d.awaitState(ctx, receiver, sender, func(s Socket) (bool, error) {
		if s.measured && s.BytesReceived >= sent {
			return true, nil
		}
		return false, closedError(s)
	})
	if err != nil {
		return err
	}
	return d.awaitState(ctx, receiver, sender, func(s Socket) (bool, error) {
		return s.measured && s.RQueue == 0, nil
	})
}

// A ConsumedCheck is a wait as that of [Diag.AwaitConsumed], by somebody who cannot block:
// ask again and again. The zero one has just begun.
type ConsumedCheck struct{ arrived bool }

// IsOver asks once, and returns what AwaitConsumed does once it is over.
func (c *ConsumedCheck) IsOver(d *Diag, receiver, sender netip.AddrPort, sent uint64) (bool, error) {
	s, err := d.FindSocket(receiver, sender)
	if err != nil {
		return false, err
	}
	if !c.arrived {
		if !s.measured || s.BytesReceived < sent {
			return false, closedError(s)
		}
		c.arrived = true
		if s, err = d.FindSocket(receiver, sender); err != nil {
			return false, err
		}
	}
	return s.measured && s.RQueue == 0, nil
}

// AwaitAccepted blocks until the process that listens has accepted the
// connection from remote to local; local is the address of the socket that it
// gets. The error is [ErrNotFound] when there is no such connection, the
// context's error when it ends first.
func (d *Diag) AwaitAccepted(ctx context.Context, local, remote netip.AddrPort) error {
	return d.awaitState(ctx, local, remote, func(s Socket) (bool, error) {
		return s.Inode != 0 || wasClosed(s), nil
	})
}

// closedError is the error of waiting for a process that has closed the socket to
// receive more.
func closedError(s Socket) error {
	if wasClosed(s) {
		return ErrNotFound
	}
	return nil
}

// wasClosed reports that the process has closed the socket: a connection that
// waits to be accepted has no inode either, but has not sent a FIN.
func wasClosed(s Socket) bool {
	switch s.State {
	case Established, SynReceived, NewSynReceived, CloseWait:
		return false
	}
	return s.Inode == 0
}

// awaitState queries until done says so.
func (d *Diag) awaitState(ctx context.Context, local, remote netip.AddrPort, done func(Socket) (bool, error)) error {
	return awaitFound(ctx, func() (Socket, error) { return d.FindSocket(local, remote) }, done)
}

// awaitFound looks until done says so.
func awaitFound(ctx context.Context, find func() (Socket, error), done func(Socket) (bool, error)) error {
	var p pollBackoff
	defer p.stopTimer()
	for {
		s, err := find()
		if err != nil {
			return err
		}
		if ok, err := done(s); ok || err != nil {
			return err
		}
		if err := p.waitNext(ctx); err != nil {
			return err
		}
	}
}

// How eagerly to ask again.
const (
	eagerTries  = 3                      // at once
	eagerTime   = 200 * time.Microsecond // then after a yield, for so long
	firstPause  = 20 * time.Microsecond  // then after a pause that doubles
	longestWait = time.Millisecond
)

// A pollBackoff spaces the queries of one wait. The zero pace is ready.
type pollBackoff struct {
	tries int
	began time.Time
	pause time.Duration
	timer *time.Timer
}

// waitNext returns when the next query is due, or with the context's error.
func (p *pollBackoff) waitNext(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.tries++
	if p.tries < eagerTries {
		return nil
	}
	if p.began.IsZero() {
		p.began = time.Now()
	}
	if time.Since(p.began) < eagerTime {
		yieldCPU()
		return nil
	}
	return p.sleepFor(ctx)
}

func (p *pollBackoff) sleepFor(ctx context.Context) error {
	p.pause = min(max(2*p.pause, firstPause), longestWait)
	if p.timer == nil {
		p.timer = time.NewTimer(p.pause)
	} else {
		p.timer.Reset(p.pause)
	}
	select {
	case <-p.timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pollBackoff) stopTimer() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
