package link

import (
	"context"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

var (
	_ hook.Unplugger       = (*toxicContext)(nil)
	_ hook.FailureNotifier = (*toxicContext)(nil)
)

// Unplug implements [hook.Unplugger].
func (p *toxicContext) Unplug(ctx context.Context, offset int64) (how string, err error) {
	l := p.link
	l.awaitSent(ctx, p.startOffset+offset)
	// What is not acknowledged would be sent again and again.
	l.dst.awaitAcked(ctx, l.cfg.Patience.Progress, func() bool { return false })
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return l.dst.unplug()
}

// CannotStrike implements [hook.FailureNotifier].
func (p *toxicContext) CannotStrike(offset int64, why string) {
	p.link.emitEvent(event.Event{Kind: event.CannotStrike, Side: event.Proxy, Toxic: p.toxic, Offset: p.startOffset + offset, Detail: why})
}

// Replug implements [hook.Unplugger].
func (p *toxicContext) Replug() { p.link.dst.replug() }

// awaitSent blocks until the destination's kernel has the bytes up to offset, or takes
// no more.
func (l *Link) awaitSent(ctx context.Context, offset int64) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	last, progress := l.sent.Load(), time.Now()
	for l.sent.Load() < offset && time.Since(progress) < l.cfg.Patience.Consume {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if now := l.sent.Load(); now != last {
			last, progress = now, time.Now()
		}
	}
}

// unplug leaves the peer without an answer until replug.
func (s *Side) unplug() (how string, err error) {
	if how, err = sock.Unplug(s.Conn); err == nil {
		s.unplugged.Store(true)
	}
	return how, err
}

func (s *Side) replug() {
	if s.unplugged.CompareAndSwap(true, false) {
		_ = sock.Replug(s.Conn) // it is closed, or what was possible before is possible
	}
}

// IsUnplugged reports whether the peer is to hear nothing any more.
func (s *Side) IsUnplugged() bool { return s.unplugged.Load() }

// CloseUnplugged closes the side without a word to the peer, if the peer is to hear
// nothing; else it does nothing. Nobody else may use the side.
func (s *Side) CloseUnplugged() {
	if s.unplugged.Load() {
		_ = sock.CloseSilently(s.Conn) // by a reset where nothing else is permitted
	}
}
