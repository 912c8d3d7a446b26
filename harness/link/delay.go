package link

import (
	"time"

	"github.com/sockharness/harness/toxics/hook"
)

// delays are what says how long each piece of the stream is held.
type delays []func(offset int64) time.Duration

// A segment is what was read at once, and is held: in a pipe, or in memory.
type segment struct {
	pipe   *pipe
	data   []byte // if there is no pipe
	n      int
	offset int64 // in the stream
	at     time.Time
	due    time.Time
	late   bool // it was read when another chain was wanted already
}

// delaysOf returns the delays of a chain that does nothing but delay, and false
// if it does anything else.
func (l *Link) delaysOf(stages []Stage) (all delays, ok bool) {
	if !l.canSplice() || len(stages) == 0 {
		return nil, false
	}
	for _, s := range stages {
		if _, ok := s.Toxic.(hook.Delayer); !ok {
			return nil, false
		}
	}
	for _, s := range stages {
		d := s.Toxic.(hook.Delayer).Delays(&toxicContext{link: l, toxic: s.Name})
		if d == nil {
			return nil, false
		}
		all = append(all, d)
	}
	return all, true
}

// canSplice reports whether the kernel could carry the stream of the link.
func (l *Link) canSplice() bool { return !l.isRecorded() && !l.noSplice && !l.broken.Load() }

// dueAt says when what was read at that time, from the offset on, is to be sent.
func (d delays) dueAt(at time.Time, offset int64) time.Time {
	for _, next := range d {
		at = at.Add(max(next(offset), 0))
	}
	return at
}
