package datagram

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
)

// A Count is of datagrams and of the bytes of their payloads.
type Count struct {
	Datagrams, Bytes int64 // how many datagrams, and their payload
}

func (c *Count) addDatagram(n int) { c.Datagrams++; c.Bytes += int64(n) }

// Traffic counts what went in one direction. What is in Received alone was lost
// by a fault, is held by one, or could not be sent.
type Traffic struct {
	Received Count // from the source
	Sent     Count // taken by the destination's kernel
}

func (t *Traffic) addTraffic(other Traffic) {
	t.Received.Datagrams += other.Received.Datagrams
	t.Received.Bytes += other.Received.Bytes
	t.Sent.Datagrams += other.Sent.Datagrams
	t.Sent.Bytes += other.Sent.Bytes
}

// A link is one direction of one association: a chain of stages, and what sends
// the packets that come out of it. It has a goroutine only while packets are held.
type link struct {
	direction event.Direction
	conn      uint64 // number of the association
	opposite  *link
	ctx       context.Context
	chance    seed.Source
	events    func(event.Event)
	spawn     func(func())
	passing   func(payload []byte) (undo func()) // nil: nobody asks
	flowed    atomic.Bool                        // a packet has left
	watched   atomic.Pointer[[]*sighting]

	sending sync.Mutex // held while packets leave, so that they keep their order; before mu

	mu      sync.Mutex // guards what follows; never held during I/O
	send    func(payload []byte) error
	chain   []*stage
	out     []packet // that the chain has handed on
	waiting int64    // bytes in out, with overhead, while there is nobody to send them
	armed   time.Time
	pumping bool
	closed  bool
	traffic Traffic
	alarm   chan struct{} // tells the pump that it has to look earlier
}

// maxWaiting is how much of out is kept while the upstream is being looked up.
const maxWaiting = 1 << 20

// carryDatagram takes a datagram from the source, whose bytes it does not keep, and
// sends on what is to leave now. It is false when the link is closed.
func (l *link) carryDatagram(data []byte) bool {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.scanPatterns(data)
	p := packet{data, l.traffic.Received.Datagrams + 1, l.traffic.Received.Bytes}
	l.traffic.Received.addDatagram(len(data))
	send := l.send
	if len(l.chain) == 0 && len(l.out) == 0 && send != nil {
		l.mu.Unlock()
		l.deliverPacket(send, p)
		return true
	}
	p.data = slices.Clone(data)
	now := time.Now()
	l.advanceLocked(now)
	l.stepLocked(0, p, now)
	out := l.takeLocked()
	l.pumpLocked()
	l.mu.Unlock()
	for _, p := range out {
		l.deliverPacket(send, p)
	}
	return true
}

// stepLocked hands a packet to the i-th stage.
func (l *link) stepLocked(i int, p packet, at time.Time) {
	if i < len(l.chain) {
		l.chain[i].takePacket(p, at, func(p packet, at time.Time) { l.stepLocked(i+1, p, at) })
		return
	}
	if l.send == nil {
		if l.waiting += int64(len(p.data)) + overhead; l.waiting > maxWaiting {
			l.events(event.Event{Kind: event.Lost, Direction: l.direction, Side: event.Proxy, Offset: p.offset,
				Detail: "too many datagrams wait for the upstream's address"})
			l.waiting -= int64(len(p.data)) + overhead
			return
		}
	}
	l.out = append(l.out, p)
}

// advanceLocked hands on everything that is due, in the order of its time.
func (l *link) advanceLocked(now time.Time) {
	for {
		first, at := l.earliestLocked()
		if first < 0 || at.After(now) {
			return
		}
		s := l.chain[first]
		s.effect.wakeDue(s, at, func(p packet, at time.Time) { l.stepLocked(first+1, p, at) })
	}
}

// earliestLocked returns the stage that is due first, -1 for none.
func (l *link) earliestLocked() (first int, at time.Time) {
	first = -1
	for i, s := range l.chain {
		if due := s.effect.nextDue(); !due.IsZero() && (first < 0 || due.Before(at)) {
			first, at = i, due
		}
	}
	return first, at
}

// takeLocked returns what is to be sent, as soon as there is who sends.
func (l *link) takeLocked() []packet {
	if l.send == nil {
		return nil
	}
	out := l.out
	l.out, l.waiting = nil, 0
	return out
}

// pumpLocked makes sure that somebody hands on what is held.
func (l *link) pumpLocked() {
	first, at := l.earliestLocked()
	ready := len(l.out) > 0 && l.send != nil
	switch {
	case l.closed || first < 0 && !ready:
	case !l.pumping:
		l.pumping = true
		l.spawn(l.pumpHeld)
	case ready || l.armed.IsZero() || at.Before(l.armed):
		select {
		case l.alarm <- struct{}{}:
		default:
		}
	}
}

// pumpHeld hands on what is held until nothing is.
func (l *link) pumpHeld() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		at, ok := l.sendDue()
		if !ok {
			return
		}
		timer.Reset(time.Until(at))
		select {
		case <-l.ctx.Done():
			return
		case <-l.alarm:
		case <-timer.C:
		}
	}
}

// sendDue sends what is due and returns when more is; false when nothing is held.
func (l *link) sendDue() (time.Time, bool) {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	l.advanceLocked(time.Now())
	out, send := l.takeLocked(), l.send
	first, at := l.earliestLocked()
	l.armed, l.pumping = at, first >= 0 && !l.closed
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return at, false
	}
	for _, p := range out {
		l.deliverPacket(send, p)
	}
	return at, first >= 0
}

// deliverPacket sends a packet. The caller has l.sending.
func (l *link) deliverPacket(send func([]byte) error, p packet) {
	l.flowed.Store(true) // before anybody can answer
	undo := func() {}
	if l.passing != nil {
		undo = l.passing(p.data)
	}
	if err := send(p.data); err != nil {
		undo()
		if l.ctx.Err() == nil {
			l.emitEvent(event.Event{Kind: event.Lost, Side: event.Proxy, Offset: p.offset, Detail: err.Error()})
		}
		return
	}
	l.mu.Lock()
	offset := l.traffic.Sent.Bytes
	l.traffic.Sent.addDatagram(len(p.data))
	l.mu.Unlock()
	l.emitEvent(event.Event{Kind: event.Bytes, Side: l.direction.Source(), Offset: offset, Bytes: int64(len(p.data))})
}

func (l *link) emitEvent(e event.Event) {
	e.Direction = l.direction
	l.events(e)
}

// connectSender says who sends, and sends what has waited for that.
func (l *link) connectSender(send func([]byte) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.send = send
	l.pumpLocked()
}

// updateChain makes the chain that of the toxics given. A stage whose toxic stays goes
// on; what one holds whose toxic is gone passes through those behind it at once.
func (l *link) updateChain(list []Toxic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	before, after := l.chain, make([]*stage, 0, len(list))
	for _, t := range list {
		i := slices.IndexFunc(before, func(s *stage) bool { return s.isSameToxic(t) })
		if i >= 0 {
			after = append(after, before[i])
		} else {
			after = append(after, newStage(t, l, now))
		}
	}
	l.chain = after
	for i := len(before) - 1; i >= 0; i-- {
		if !slices.Contains(after, before[i]) {
			to := l.behindLocked(before[i+1:])
			for _, p := range before[i].effect.flushAll() {
				l.stepLocked(to, p, now)
			}
		}
	}
	l.pumpLocked()
}

// behindLocked returns the place in the chain of the first of some stages that is
// still there.
func (l *link) behindLocked(stages []*stage) int {
	for _, s := range stages {
		if i := slices.Index(l.chain, s); i >= 0 {
			return i
		}
	}
	return len(l.chain)
}

// closeLink forgets what is held, and waits for a packet that is being sent.
func (l *link) closeLink() {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.chain, l.out = true, nil, nil
	select {
	case l.alarm <- struct{}{}:
	default:
	}
}

func (l *link) carriedTraffic() Traffic {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.traffic
}

// holdsPackets reports whether something is held that will be handed on.
func (l *link) holdsPackets() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, _ := l.earliestLocked()
	return first >= 0 || len(l.out) > 0
}

// activeToxics returns the names of the toxics whose trigger was reached.
func (l *link) activeToxics() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := []string{}
	for _, s := range l.chain {
		if s.cue.IsZero() || s.reached > 0 {
			names = append(names, s.toxic.Name)
		}
	}
	return names
}
