package link

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// An Outcome says how a link ended, and so what is left to do for the owner of
// the connection.
type Outcome uint8

// The outcomes.
const (
	// Stopped: the context ended. Nothing was sent to say so.
	Stopped Outcome = iota
	// Ended: FIN was sent in both directions. Both sides are to be closed.
	Ended
	// Aborted: the source was reset, or a toxic wants a reset. What the
	// destination shall still receive has arrived; both sides are to be reset.
	Aborted
	// Close: a toxic has ended the connection. Both sides are to be shut, see
	// [Side.CloseGracefully].
	Close
	// Parked: the stream has not ended, and steps can go on with it, see [Link.Park].
	Parked
)

// String returns the outcome's name.
func (o Outcome) String() string {
	return [...]string{"stopped", "ended", "aborted", "shut", "parked"}[o]
}

// ended says how the source's stream ended.
type ended uint8

const (
	notEnded ended = iota
	endedByFIN
	endedByReset
	endedHere // the socket was closed by ourselves
)

// poll is how often a kernel is asked that gives no event.
const poll = time.Millisecond

// awaitDelivered blocks until the destination's kernel has everything that was
// sent, or makes no progress any more.
func (l *Link) awaitDelivered(ctx context.Context) {
	l.dst.awaitAcked(ctx, l.cfg.Patience.Progress, l.destinationArrived)
}

// destinationArrived reports whether the kernel of the destination, if it is this one, has
// received everything: it acknowledges later than that.
func (l *Link) destinationArrived() bool {
	if l.cfg.Diag == nil {
		return false
	}
	peer, own, err := l.dst.socketAddrs()
	if err != nil {
		return false
	}
	s, err := l.cfg.Diag.FindSocket(peer, own)
	return err == nil && s.BytesReceived >= l.dst.rawSent(l.sent.Load())
}

// awaitAcked blocks until the peer's kernel has everything that was written to
// the side, or has acknowledged nothing for the given time.
func (s *Side) awaitAcked(ctx context.Context, patience time.Duration, arrived func() bool) {
	left := s.unackedBytes()
	if left == 0 || arrived() {
		return
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for progress := time.Now(); time.Since(progress) < patience; {
		select {
		case <-tick.C:
		case <-s.reset.done():
			return
		case <-ctx.Done():
			return
		}
		now := s.unackedBytes()
		if now == 0 || arrived() {
			return
		}
		if now != left {
			left, progress = now, time.Now()
		}
	}
}

// awaitConsumed blocks until the destination has read everything that was sent.
// Where nobody can tell, its kernel must have it at least.
func (l *Link) awaitConsumed(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Patience.Consume)
	defer cancel()
	if l.blockUntilConsumed(ctx) != nil {
		l.awaitDelivered(ctx)
	}
}

// blockUntilConsumed blocks until the destination has read everything that was sent, and
// returns an error when that cannot be known or the context ends.
func (l *Link) blockUntilConsumed(ctx context.Context) error {
	if !l.dst.isTCP() {
		return sock.AwaitTaken(ctx, l.dst.Conn)
	}
	peer, own, err := l.dst.socketAddrs()
	if err != nil {
		return err
	}
	if l.cfg.Diag == nil {
		return sock.ErrUnsupported
	}
	return l.cfg.Diag.AwaitConsumed(ctx, peer, own, l.dst.rawSent(l.sent.Load()))
}

// CloseGracefully closes the side in order, as a process does that has read everything it
// wants: FIN behind what was written, what is unread is dropped, and what comes
// later is answered by a reset. Nobody else may use the side. It blocks while the
// peer's kernel takes what was written, and gives that up after the given time
// without progress; the kernel goes on trying.
func (s *Side) CloseGracefully(ctx context.Context, patience time.Duration, pool *Pool) {
	_ = s.Conn.SetDeadline(time.Time{})
	_ = s.CloseWrite()
	// A close with unread input is a reset, which would destroy what is unsent.
	discardInput(s.Conn, pool, shutDiscard)
	s.awaitAcked(ctx, patience, func() bool { return false })
	discardInput(s.Conn, pool, shutDiscard)
	_ = s.Conn.Close()
}

// shutDiscard bounds how much unread input is dropped before a close, bytes: a
// peer may send faster than that.
const shutDiscard = 16 << 20
