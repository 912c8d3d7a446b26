package dialogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// settleTime bounds how long a player that has already failed waits for what may
// still come, so that its report is whole.
const settleTime = 200 * time.Millisecond

// Options say how a script is played.
type Options struct {
	Pipelined  bool              // client: write all requests at once, reading at the same time
	MaxReceive int64             // bytes received that are kept, and after which reading ends; 0: 64 MiB
	AfterStep  func(i int) error // called when step i, from 0, is complete; an error ends the play; may be nil
	NoEnd      bool              // do not play the end, and leave the connection open, whatever happened
}

// Played is what one side saw of the conversation.
type Played struct {
	Sent        int64  // bytes that the kernel took
	Received    []byte // all of them, those that nobody asked for too
	Steps       int    // completed
	ReadEnding  event.Ending
	WriteEnding event.Ending
	Ending      event.Ending // both merged: a socket error is reported once, to whichever of them comes first
	Mismatch    *Mismatch    // the first wrong bytes
	Incomplete  string       // for people: what was still awaited when it ended; empty: nothing
	Elapsed     time.Duration

	whole bool // all steps complete, and the end as declared
}

// OK tells that all steps are complete, no byte differed, and the stream ended
// as the dialogue says (which [Options].NoEnd leaves out).
func (p Played) OK() bool { return p.whole && p.Mismatch == nil }

// Err returns nil if p is OK, and otherwise why not.
func (p Played) Err() error {
	switch {
	case p.OK():
		return nil
	case p.Mismatch != nil:
		return p.Mismatch
	case p.Incomplete != "":
		return errors.New(p.Incomplete)
	}
	return fmt.Errorf("all exchanges were complete, and then the stream ended with %q", p.Ending)
}

// A player holds one side of one conversation.
type player struct {
	script   *Script
	options  Options
	side     event.Side
	ctx      context.Context
	stream   *stream
	taken    int // received bytes that steps have used up
	timedOut bool
	played   Played
}

func (s *Script) play(ctx context.Context, conn Conn, o Options, side event.Side, steps func(*player) bool) Played {
	start := time.Now()
	if o.MaxReceive <= 0 {
		o.MaxReceive = MaxBytes
	}
	p := &player{script: s, options: o, side: side, ctx: ctx, stream: open(conn, o.MaxReceive)}
	p.played.whole = steps(p)
	last := p.stream.stop(o.NoEnd, p.timedOut)
	r := &p.played
	r.Sent, r.Received, r.ReadEnding, r.WriteEnding = last.sent, last.received, last.readEnd, last.writeEnd
	r.Ending = merge(r.ReadEnding, r.WriteEnding)
	r.Elapsed = time.Since(start)
	return p.played
}

// wait blocks until done is true of the state. It returns false when ctx is over
// before.
func (p *player) wait(ctx context.Context, done func(state) bool) bool {
	for {
		if done(p.stream.snapshot()) {
			return true
		}
		select {
		case <-p.stream.news:
		case <-ctx.Done():
			return done(p.stream.snapshot())
		}
	}
}

// stop records why the play cannot go on.
func (p *player) stop(format string, args ...any) bool {
	p.played.Incomplete = fmt.Sprintf(format, args...)
	return false
}

// late is stop for a wait that was over.
func (p *player) late(format string, args ...any) bool {
	p.timedOut = true
	return p.stop(format, args...)
}

// receive waits until what the pattern describes has arrived, and takes it.
func (p *player) receive(ctx context.Context, step int, pattern Pattern) bool {
	m := p.script.matcher(pattern)
	st := undecided
	in := p.wait(ctx, func(s state) bool {
		st = m.advance(s.received[p.taken:], s.ended)
		return st != undecided || s.ended || s.full
	})
	switch {
	case st == matched:
		p.taken += m.at
		return true
	case st == differs:
		return p.differ(step, pattern, m.diff)
	}
	return p.short(step, pattern, in)
}

// short says why what was expected did not arrive whole.
func (p *player) short(step int, pattern Pattern, in bool) bool {
	s := p.stream.snapshot()
	got := len(s.received) - p.taken
	switch {
	case s.full:
		return p.differ(step, pattern, &difference{at: got, note: fmt.Sprintf("more than %d bytes came", p.options.MaxReceive)})
	case !in:
		return p.late("%s: %s when the wait was over", p.script.at(step), p.progress(pattern, got))
	}
	// A write that is under way tells more about how the peer ended.
	p.settle(10*settleTime, func(s state) bool { return !s.writing })
	return p.stop("%s: %s, then the stream ended with %q", p.script.at(step), p.progress(pattern, got), s.readEnd)
}

// progress says how much of what was expected is there.
func (p *player) progress(pattern Pattern, got int) string {
	if want, ok := pattern.Literal(); ok {
		return fmt.Sprintf("%d of %d bytes of the %s had arrived", got, len(want), incoming(p.side))
	}
	return fmt.Sprintf("%d bytes of a %s that is not complete had arrived", got, incoming(p.side))
}

// incoming is what a side receives.
func incoming(side event.Side) string {
	if side == event.Server {
		return "request"
	}
	return "reply"
}

// written waits until what is being written is with the kernel.
func (p *player) written(ctx context.Context, step int) bool {
	in := p.wait(ctx, func(s state) bool { return !s.writing })
	s := p.stream.snapshot()
	switch {
	case !in:
		return p.late("%s: not all bytes could be sent when the wait was over", p.script.at(step))
	case s.failed:
		p.drained(s.writeEnd)
		return p.stop("%s: %d bytes were sent in all, then writing ended with %q", p.script.at(step), s.sent, s.writeEnd)
	}
	return true
}

// drained waits until what a dead socket still holds has been read; that and its
// end come at once.
func (p *player) drained(write event.Ending) {
	if write == event.Reset || write == event.BrokenPipe {
		p.wait(p.ctx, func(s state) bool { return s.ended || s.full })
	}
}

// ended waits for the peer's end of the stream; nothing may come before it.
func (p *player) ended() bool {
	in := p.wait(p.ctx, func(s state) bool { return s.ended || len(s.received) > p.taken })
	s := p.stream.snapshot()
	if len(s.received) > p.taken {
		return p.differ(len(p.script.Steps), nil, &difference{})
	}
	if !in {
		return p.late("all exchanges were complete, and the stream was still open when the wait was over")
	}
	return merge(s.readEnd, s.writeEnd) == event.EOF
}

// differ records wrong bytes, and as a client those that follow at once.
func (p *player) differ(step int, pattern Pattern, d *difference) bool {
	if p.side == event.Client && !p.options.NoEnd {
		p.linger()
	}
	got := bytes.Clone(p.stream.snapshot().received[p.taken:])
	p.played.Mismatch = p.script.mismatch(p.side, step, int64(p.taken), pattern, got, d)
	return false
}

// linger half-closes, so that a peer in order ends too, and waits a moment for
// that.
func (p *player) linger() {
	if p.settle(settleTime, func(s state) bool { return !s.writing }) {
		p.stream.write(nil, true)
	}
	p.settle(settleTime, func(s state) bool { return s.ended || s.full })
}

func (p *player) settle(limit time.Duration, done func(state) bool) bool {
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	return p.wait(ctx, done)
}

func (p *player) stepDone(i int) bool {
	p.played.Steps = i + 1
	if p.options.AfterStep == nil {
		return true
	}
	if err := p.options.AfterStep(i); err != nil {
		return p.stop("after %s: %v", p.script.at(i), err)
	}
	return true
}
