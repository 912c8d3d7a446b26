package link

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

// A place is a toxic's view of its link: [wire.Wire].
type place struct {
	link  *Link
	toxic string
	base  int64 // stream offset of the first byte that the toxic sends on
	ctx   context.Context
	rand  *rand.Rand
	asked *wire.End
}

var (
	_ wire.Wire     = (*place)(nil)
	_ wire.Answerer = (*place)(nil)
	_ wire.Meeting  = (*place)(nil)
)

// Context implements [wire.Wire].
func (p *place) Context() context.Context { return p.ctx }

// Direction implements [wire.Wire].
func (p *place) Direction() event.Direction { return p.link.cfg.Direction }

// Conn implements [wire.Wire].
func (p *place) Conn() uint64 { return p.link.cfg.Conn }

// Rand implements [wire.Wire].
func (p *place) Rand() *rand.Rand {
	if p.rand == nil {
		p.rand = p.link.cfg.Rand(p.toxic)
	}
	return p.rand
}

// Struck implements [wire.Wire].
func (p *place) Struck(offset int64, detail string) {
	p.link.emit(event.Event{Kind: event.Struck, Side: event.Proxy, Toxic: p.toxic, Offset: p.base + offset, Detail: detail})
}

// Boundary implements [wire.Wire].
func (p *place) Boundary(offset int64) { p.link.boundaries.add(p.base + offset) }

// End implements [wire.Wire].
func (p *place) End(e wire.End) { p.asked = &e }

// Happened implements [wire.Wire].
func (p *place) Happened(k event.Kind) <-chan struct{} { return p.link.cfg.Happened(k) }

// Answered implements [wire.Answerer].
func (p *place) Answered() <-chan struct{} {
	if p.link.opposite == nil {
		return nil
	}
	return p.link.opposite.carried
}

// Shared implements [wire.Meeting].
func (p *place) Shared(key any, fresh func() any) any {
	if p.link.cfg.Shared == nil {
		return fresh()
	}
	return p.link.cfg.Shared(key, fresh)
}

// still is how many polls in a row must show the same before a sender counts
// as blocked: 100 ms, since one that is ready to write on may have no processor.
const still = 100

// SourceBlocked implements [wire.Wire].
func (p *place) SourceBlocked(ctx context.Context) (held int64, err error) {
	l := p.link
	peer, own, err := l.src.addrs()
	if err != nil || l.cfg.Diag == nil {
		return 0, fmt.Errorf("source blocked: %w", sock.ErrUnsupported)
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var last [2]int64
	for same := 0; ; {
		sender, err := l.cfg.Diag.Lookup(peer, own)
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
