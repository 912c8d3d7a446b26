package link

import (
	"bytes"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// stepLimit is how many bytes a step holds at most until they are due.
const stepLimit = 64 << 10

// A Stepper is a toxic at work on one link that can move the stream on without waiting.
// Steps and calls of Pipe may take turns, on the same stub, and are never under way at
// once: what one of them has taken in and not sent on, the next one finds.
type Stepper interface {
	toxics.Toxic
	// Step moves on as far as one chunk that leaves, and does not block.
	Step(stub *toxics.ToxicStub, in hook.Inlet[chunk], now time.Time) hook.Step[chunk]
}

// A stepChain is a chain whose toxics need no goroutine. As in a flow, a toxic sends on
// one chunk at a time, and the next one only when that was taken.
type stepChain struct {
	stages []*stage
	queues [][]item // queues[i] waits before stages[i], the last one before the destination
	wide   bool     // some toxic has a buffer: more may wait than steps hold
	ended  ended    // the source's stream has
	sealed bool     // so has what the destination gets
	paused bool     // the source was not read, because enough waits
	due    time.Time
	wait   destWait
}

// newStepChain returns the chain, nil if it needs goroutines. Nothing is held by now.
func (l *Link) newStepChain(asked []Stage) *stepChain {
	for _, a := range asked {
		if !hook.CanStep(a.Toxic) {
			return nil
		}
	}
	c := &stepChain{queues: make([][]item, len(asked)+1), wide: isWide(asked)}
	for _, a := range asked {
		s := newStage(l, a)
		s.toxicCtx.startOffset = l.sent.Load()
		s.attachToxic()
		if _, ok := s.toxic.(Stepper); !ok {
			return nil
		}
		c.stages = append(c.stages, s)
	}
	return c
}

// isWide reports whether some toxic has a buffer.
func isWide(asked []Stage) bool {
	return slices.ContainsFunc(asked, func(s Stage) bool { return s.BufferSize > 0 })
}

// push puts what was read before the chain.
func (c *stepChain) push(p []byte) {
	now := time.Now()
	for _, piece := range cutPieces(bytes.Clone(p), chunkSize) {
		c.queues[0] = append(c.queues[0], chunkItem(&chunk{Data: piece, Timestamp: now}))
	}
}

// noteEnd takes note that the source's stream has ended.
func (c *stepChain) noteEnd(how ended) {
	c.ended = how
	c.queues[0] = append(c.queues[0], item{end: true})
}

// isFull reports whether enough waits for the source to be left alone.
func (c *stepChain) isFull() bool { return queueBytes(c.queues[0]) >= stepLimit }

// noteDue keeps when there is something to do at the latest.
func (c *stepChain) noteDue(at time.Time) {
	if !at.IsZero() && (c.due.IsZero() || at.Before(c.due)) {
		c.due = at
	}
}

// A destWait is what comes before the next byte, or the end, that a chain sends.
type destWait struct {
	under  bool // there is something to wait for:
	reset  bool // everything is to be read before a reset, else before what comes next
	offset int64
	until  time.Time
	detail string // of the event, once it is only time that has to pass
	check  sock.ConsumedCheck
	polls  pollPace
}

// A pollPace says when to ask the kernel again for something of which it gives no event.
type pollPace struct{ tries int }

// next returns when to ask again.
func (p *pollPace) next(now time.Time) time.Time {
	p.tries++
	if p.tries <= eagerPolls {
		return now.Add(eagerPoll)
	}
	return now.Add(min(eagerPoll<<min(p.tries-eagerPolls, 10), poll))
}

const (
	eagerPolls = 10 // before the pauses get longer
	eagerPoll  = 20 * time.Microsecond
)
