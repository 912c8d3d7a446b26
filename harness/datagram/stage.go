package datagram

import (
	"math/rand/v2"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics/spec"
)

// A packet is one datagram on its way.
type packet struct {
	data   []byte
	number int64 // in its direction of its association, from 1, as the source sent it
	offset int64 // bytes of payload that came before it
}

// A pass hands a packet on, at the time at which it leaves.
type pass func(p packet, at time.Time)

// An effect is what a toxic does to the packets of one link. It is called with
// the link's lock held, and in order of time.
type effect interface {
	// isReady reports whether the next packet can be struck.
	isReady() bool
	// strikePacket takes a packet that is struck.
	strikePacket(w *stage, p packet, at time.Time, next pass)
	// skipPacket takes a packet that is not.
	skipPacket(w *stage, p packet, at time.Time, next pass)
	// nextDue returns when wake has something to hand on; zero while it has not.
	nextDue() time.Time
	// wakeDue hands on what is due.
	wakeDue(w *stage, at time.Time, next pass)
	// flushAll returns everything that is held, in order, and forgets it.
	flushAll() []packet
}

// direct is the part of effects that hold nothing.
type direct struct{}

func (direct) isReady() bool                                          { return true }
func (direct) skipPacket(_ *stage, p packet, at time.Time, next pass) { next(p, at) }
func (direct) nextDue() time.Time                                     { return time.Time{} }
func (direct) wakeDue(*stage, time.Time, pass)                        {}
func (direct) flushAll() []packet                                     { return nil }

// A stage is one toxic in one link.
type stage struct {
	toxic  Toxic
	link   *link
	effect effect
	cue    triggerWatch
	dice   *rand.Rand // whether a packet is struck: one number for each that can be
	chance *rand.Rand // what becomes of it

	count, every    int64
	only            bool
	reached, struck int64 // how many packets could be struck, and how many were
}

func newStage(t Toxic, l *link, now time.Time) *stage {
	s := spec.Settings(t.Attributes)
	source := l.chance
	if t.Seed != nil {
		source = seed.New(*t.Seed).SplitN(l.conn).SplitBy(l.direction.String())
	}
	source = source.SplitBy(t.Name)
	return &stage{toxic: t, link: l, effect: t.kind.build(s), cue: newCue(t.At, l.opposite, now),
		dice: source.NewRand(), chance: source.SplitBy("effect").NewRand(), count: s.Int("count"), every: s.Int("every"), only: s.Bool("only")}
}

func (s *stage) takePacket(p packet, at time.Time, next pass) {
	if s.strikesPacket(p, at) {
		s.struck++
		s.effect.strikePacket(s, p, at, next)
		return
	}
	s.effect.skipPacket(s, p, at, next)
}

// strikesPacket decides over a packet. Chance is asked for each that the trigger and
// every leave, whatever the effect does, so that the n-th answer is always for
// the same one.
func (s *stage) strikesPacket(p packet, at time.Time) bool {
	from, here := s.cue.reachedBy(p, at)
	if !from || s.only && !here {
		return false
	}
	if s.reached++; s.reached%s.every != 0 {
		return false
	}
	hit := s.dice.Float64() < s.toxic.Toxicity
	return hit && (s.count == 0 || s.struck < s.count) && s.effect.isReady()
}

// reportStruck says that the toxic took effect on a packet.
func (s *stage) reportStruck(p packet, detail string) {
	s.link.emitEvent(event.Event{Kind: event.Struck, Toxic: s.toxic.Name, Offset: p.offset, Detail: detail})
}

// isSameToxic reports whether the stage is that of a toxic, unchanged.
func (s *stage) isSameToxic(t Toxic) bool {
	return s.toxic.kind == t.kind && s.toxic.Name == t.Name && s.toxic.Toxicity == t.Toxicity && s.toxic.Direction == t.Direction
}
