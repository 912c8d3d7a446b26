package link

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// boundaries are stream offsets beyond which nothing leaves before the receiver
// has read everything up to them.
type boundaries struct {
	mu      sync.Mutex // guards offsets
	offsets []int64    // ascending, each once
}

// addOffset asks for a boundary.
func (b *boundaries) addOffset(offset int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, found := slices.BinarySearch(b.offsets, offset); !found {
		b.offsets = slices.Insert(b.offsets, at, offset)
	}
}

// nextAfter returns the first boundary beyond the offset, or -1.
func (b *boundaries) nextAfter(offset int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, found := slices.BinarySearch(b.offsets, offset)
	if found {
		at++
	}
	if at == len(b.offsets) {
		return -1
	}
	return b.offsets[at]
}

// takeUpTo removes the boundaries up to the offset and returns them.
func (b *boundaries) takeUpTo(offset int64) []int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, found := slices.BinarySearch(b.offsets, offset)
	if found {
		at++
	}
	if at == 0 {
		return nil
	}
	taken := slices.Clone(b.offsets[:at])
	b.offsets = slices.Delete(b.offsets, 0, at)
	return taken
}

// awaitBoundary blocks until the receiver has read everything sent so far, if
// that ends at a boundary. An event tells whether it is known to have.
func (w *writer) awaitBoundary(ctx context.Context, at int64) {
	for _, offset := range w.link.boundaries.takeUpTo(at) {
		detail := boundaryMissed
		switch {
		case offset == 0:
			detail = "verified" // there is nothing to read before the first byte
		case offset == at:
			detail = w.link.awaitRead(ctx)
		}
		w.link.emitEvent(event.Event{Kind: event.BoundaryRead, Side: w.link.dst.Peer, Offset: offset, Detail: detail})
	}
}

// awaitRead blocks until what was sent is read, or where nobody can tell that,
// for the gap; it returns the detail of the event.
func (l *Link) awaitRead(ctx context.Context) string {
	bounded, cancel := context.WithTimeout(ctx, l.cfg.Patience.Boundary)
	defer cancel()
	err := l.blockUntilConsumed(bounded)
	switch {
	case err != nil && ctx.Err() != nil:
		return "unverified: the connection was over before the receiver had read the bytes before it"
	case err != nil && bounded.Err() != nil:
		return l.boundaryMerged()
	}
	detail, gap := l.boundaryDetail(err)
	if gap {
		sleep.For(ctx, l.cfg.Patience.Gap)
	}
	return detail
}

// boundaryMissed is the detail of a boundary that is of no use any more.
const boundaryMissed = "merged: the boundary was requested after more had been sent"

// boundaryMerged is the detail of a boundary at which the receiver reads nothing.
func (l *Link) boundaryMerged() string {
	return "merged: the receiver did not read the bytes before it within " + l.cfg.Patience.Boundary.String()
}

// boundaryDetail is the detail of a boundary after a wait that has ended with the error,
// and says whether a gap has to do instead.
func (l *Link) boundaryDetail(err error) (detail string, gap bool) {
	switch {
	case err == nil && !l.dst.isTCP():
		return "unverified: the unix socket is empty, but the read may not have returned yet", false
	case err == nil:
		return "verified", false
	case errors.Is(err, sock.ErrNotFound) && l.dst.isLocal():
		return "unverified: the receiver has closed the connection", false
	case errors.Is(err, sock.ErrNotFound):
		return "unverified: the receiver is not on this host; sent after " + l.cfg.Patience.Gap.String(), true
	}
	return "unverified: " + err.Error() + "; sent after " + l.cfg.Patience.Gap.String(), true
}
