package link

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A toxicContext is a toxic's view of its link: [hook.Link].
type toxicContext struct {
	link         *Link
	toxic        string
	startOffset  int64 // stream offset of the first byte that the toxic sends on
	ctx          context.Context
	rand         *rand.Rand
	requestedEnd *hook.EndMode
}

var (
	_ hook.Link          = (*toxicContext)(nil)
	_ hook.ReplyNotifier = (*toxicContext)(nil)
	_ hook.SharedState   = (*toxicContext)(nil)
	_ hook.OffsetSource  = (*toxicContext)(nil)
)

// Context implements [hook.Link].
func (p *toxicContext) Context() context.Context { return p.ctx }

// Direction implements [hook.Link].
func (p *toxicContext) Direction() event.Direction { return p.link.cfg.Direction }

// Conn implements [hook.Link].
func (p *toxicContext) Conn() uint64 { return p.link.cfg.Conn }

// Rand implements [hook.Link].
func (p *toxicContext) Rand() *rand.Rand {
	if p.rand == nil {
		p.rand = p.link.cfg.Owner.NewRand(p.toxic)
	}
	return p.rand
}

// Struck implements [hook.Link].
func (p *toxicContext) Struck(offset int64, detail string) {
	p.link.emitEvent(event.Event{Kind: event.Struck, Side: event.Proxy, Toxic: p.toxic, Offset: p.startOffset + offset, Detail: detail})
}

// Boundary implements [hook.Link].
func (p *toxicContext) Boundary(offset int64) { p.link.boundaries.addOffset(p.startOffset + offset) }

// End implements [hook.Link].
func (p *toxicContext) End(e hook.EndMode) { p.requestedEnd = &e }

// EventHappened implements [hook.Link].
func (p *toxicContext) EventHappened(k event.Kind) <-chan struct{} {
	return p.link.cfg.Owner.WaitKind(k)
}

// Alarm implements [hook.Link].
func (p *toxicContext) Alarm(at time.Time) (expired <-chan struct{}, stop func()) {
	return p.link.cfg.Pool.clock.alarmAt(at)
}

// ReplyStarted implements [hook.ReplyNotifier].
func (p *toxicContext) ReplyStarted() <-chan struct{} {
	if p.link.opposite == nil {
		return nil
	}
	return p.link.opposite.carried.done()
}

// StartOffset implements [hook.OffsetSource].
func (p *toxicContext) StartOffset() int64 { return p.startOffset }

// Shared implements [hook.SharedState].
func (p *toxicContext) Shared(key any, fresh func() any) any {
	return p.link.cfg.Owner.GetShared(key, fresh)
}

// still is how many polls in a row must show the same before a sender counts
// as blocked: 100 ms, since one that is ready to write on may have no processor.
const still = 100

// SourceBlocked implements [hook.Link].
func (p *toxicContext) SourceBlocked(ctx context.Context) (held int64, err error) {
	l := p.link
	peer, own, err := l.src.socketAddrs()
	if err != nil || l.cfg.Diag == nil {
		return 0, fmt.Errorf("source blocked: %w", sock.ErrUnsupported)
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var last [2]int64
	for same := 0; ; {
		sender, err := l.cfg.Diag.FindSocket(peer, own)
		if err != nil {
			return 0, fmt.Errorf("source blocked: %w", err)
		}
		unread, err := sock.InQueue(l.src.Conn)
		if err != nil {
			return 0, fmt.Errorf("source blocked: %w", err)
		}
		now := [2]int64{int64(unread), int64(sender.WQueue)}
		if now != last || now[0] == 0 || now[1] == 0 {
			same = 0
		}
		if same++; same > still {
			return now[0] + now[1], nil
		}
		last = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
	}
}
