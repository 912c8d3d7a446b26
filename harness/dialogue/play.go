package dialogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// settleTime bounds how long a player that has already failed waits for what may
// still come, so that its report is whole.
const settleTime = 200 * time.Millisecond

// Options say how a script is played.
type Options struct {
	Pipelined  bool              // client: write all requests at once, reading at the same time
	MaxReceive int64             // bytes received that are kept, and after which reading ends; 0: 64 MiB
	BeforeStep func(i int) error // client: called before step i, from 0, is sent; an error ends the play; may be nil
	AfterStep  func(i int) error // called when step i, from 0, is complete; an error ends the play; may be nil
	NoEnd      bool              // do not play the end, and leave the connection open, whatever happened
	LeaveOpen  bool              // the same, where all steps are complete: something else follows them
	Resend     <-chan struct{}   // over UDP: send the request again that has no answer yet; may be nil
	Lenient    bool              // over UDP: leave datagrams that do not fit, and wait for one that does

	// BeforeReply is called by a server before it sends the reply of step i, -1 for the greeting;
	// an error ends the play; may be nil.
	BeforeReply func(i int) error
	// Connect is how a client opens its n-th data connection, from 0, to a port that the server
	// has told; nil: to the host of the connection.
	Connect func(ctx context.Context, n, port int) (Conn, error)
	// Listen is how a server opens the port of its n-th data connection; nil: at the address of
	// the connection.
	Listen func(ctx context.Context, n int) (*DataPort, error)
}

// Played is what one side saw of the conversation.
type Played struct {
	Sent        int64         // bytes that the kernel took
	Received    []byte        // all of them, those that nobody asked for too
	Unread      []byte        // the end of Received, which no step has taken
	Steps       int           // completed
	ReadEnding  event.Ending  // how the stream from the peer ended
	WriteEnding event.Ending  // how the stream to the peer ended
	Ending      event.Ending  // both merged: a socket error is reported once, to whichever of them comes first
	Mismatch    *Mismatch     // the first wrong bytes
	Incomplete  string        // for people: what was still awaited when it ended; empty: nothing
	Missing     *Mismatch     // the step that Incomplete is about, where it ended within what was expected; nil: it did not
	Elapsed     time.Duration // from the first step to the last
	Data        []Played      // what was seen of each data connection, in order

	whole   bool          // all steps complete, and the end as declared
	borders []replyBorder // where the replies ended, in order
	sends   [][]byte      // of a script that captures: what was sent in each step
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
	return fmt.Errorf("all exchanges were complete, then the stream ended with %q", p.Ending)
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
	ports    DataPorts // that were opened for the client
}

func (s *Script) playSide(ctx context.Context, conn Conn, o Options, side event.Side, steps func(*player) bool) Played {
	start := time.Now()
	if o.MaxReceive <= 0 {
		o.MaxReceive = MaxBytes
	}
	var a *arranger
	if side == event.Client {
		a = s.newArranger()
	}
	p := &player{script: s, options: o, side: side, ctx: ctx, stream: openStream(conn, o.MaxReceive, a)}
	p.played.whole = steps(p)
	p.ports.Close()
	last := p.stream.stopStream(o.NoEnd || o.LeaveOpen && p.played.whole, p.timedOut)
	r := &p.played
	r.Sent, r.Received, r.ReadEnding, r.WriteEnding = last.sent, last.received, last.readEnd, last.writeEnd
	r.Unread = r.Received[min(p.taken, len(r.Received)):]
	r.Ending = mergeEndings(r.ReadEnding, r.WriteEnding)
	r.Elapsed = time.Since(start)
	return p.played
}

// waitState blocks until done is true of the state. It returns false when ctx is over
// before.
func (p *player) waitState(ctx context.Context, done func(state) bool) bool {
	for {
		if done(p.stream.currentState()) {
			return true
		}
		select {
		case <-p.stream.news:
		case <-ctx.Done():
			return done(p.stream.currentState())
		}
	}
}

// stopPlay records why the play cannot go on.
func (p *player) stopPlay(format string, args ...any) bool {
	p.played.Incomplete = fmt.Sprintf(format, args...)
	return false
}

// stopLate is stop for a wait that was over.
func (p *player) stopLate(format string, args ...any) bool {
	p.timedOut = true
	return p.stopPlay(format, args...)
}

// receivePattern waits until what the pattern describes has arrived, and takes it.
// Groups that captures name are kept.
func (p *player) receivePattern(ctx context.Context, step int, pattern Pattern, captures Captures) bool {
	m := p.script.newMatcher(pattern, p.script.sentBefore(p.side, step))
	st := undecided
	in := p.waitState(ctx, func(s state) bool {
		st = m.advanceMatch(s.received[p.taken:], s.ended)
		return st != undecided || s.ended || s.full
	})
	switch {
	case st == matched:
		p.taken += m.at
		p.keepGroups(captures, m.groups)
		p.played.borders = append(p.played.borders, replyBorder{step, p.taken})
		return true
	case st == differs:
		return p.recordDifference(step, pattern, m.diff)
	}
	return p.describeShort(step, pattern, in)
}

// describeShort says why what was expected did not arrive whole.
func (p *player) describeShort(step int, pattern Pattern, in bool) bool {
	s := p.stream.currentState()
	got := len(s.received) - p.taken
	p.played.Missing = p.script.newMismatch(p.side, step, int64(p.taken), pattern, bytes.Clone(s.received[p.taken:]), &difference{at: got})
	switch {
	case s.full:
		return p.recordDifference(step, pattern, &difference{at: got, note: fmt.Sprintf("more than %s arrived", plural.Count(p.options.MaxReceive, "byte"))})
	case !in:
		return p.stopLate("%s: %s within the time limit", p.script.stepName(step), p.describeProgress(step, pattern, s.received[p.taken:]))
	}
	// A write that is under way tells more about how the peer ended.
	p.awaitState(10*settleTime, func(s state) bool { return !s.writing })
	return p.stopPlay("%s: %s, then the stream ended with %q", p.script.stepName(step), p.describeProgress(step, pattern, s.received[p.taken:]), s.readEnd)
}

// describeProgress says how much of what was expected is there.
func (p *player) describeProgress(step int, pattern Pattern, received []byte) string {
	got := len(received)
	if want, ok := pattern.LiteralBytes(); ok {
		return fmt.Sprintf("%d of %s of the %s had arrived", got, plural.Count(len(want), "byte"), incomingName(p.side))
	}
	framing := p.script.Framing.AnsweringTo(p.script.sentBefore(p.side, step))
	if said, _, err := framing.measureFirst(received, nil, false); err == nil && len(pattern) == 1 && said.totalSize() > got {
		return fmt.Sprintf("%d of %s of the %s, as its length says, had arrived", got, plural.Count(said.totalSize(), "byte"), incomingName(p.side))
	}
	return fmt.Sprintf("%s of an incomplete %s had arrived", plural.Count(got, "byte"), incomingName(p.side))
}

// incomingName is what a side receives.
func incomingName(side event.Side) string {
	if side == event.Server {
		return "request"
	}
	return "reply"
}

// awaitWritten waits until what is being written is with the kernel.
func (p *player) awaitWritten(ctx context.Context, step int) bool {
	in := p.waitState(ctx, func(s state) bool { return !s.writing })
	s := p.stream.currentState()
	switch {
	case !in:
		return p.stopLate("%s: not all bytes could be sent in time", p.script.stepName(step))
	case s.failed:
		p.awaitDrained(s.writeEnd)
		return p.stopPlay("%s: %s were sent in total, then writing ended with %q", p.script.stepName(step), plural.Count(s.sent, "byte"), s.writeEnd)
	}
	return true
}

// awaitDrained waits until what a dead socket still holds has been read; that and its
// end come at once.
func (p *player) awaitDrained(write event.Ending) {
	if write == event.Reset || write == event.BrokenPipe {
		p.waitState(p.ctx, func(s state) bool { return s.ended || s.full })
	}
}

// awaitEnd waits for the peer's end of the stream; nothing may come before it.
func (p *player) awaitEnd() bool {
	in := p.waitState(p.ctx, func(s state) bool { return s.ended || len(s.received) > p.taken })
	s := p.stream.currentState()
	if len(s.received) > p.taken {
		return p.recordDifference(len(p.script.Steps), nil, &difference{})
	}
	if !in {
		return p.stopLate("all exchanges were complete, and the stream was still open at the time limit")
	}
	return mergeEndings(s.readEnd, s.writeEnd) == event.EOF
}

// recordDifference records wrong bytes, and as a client those that follow at once.
func (p *player) recordDifference(step int, pattern Pattern, d *difference) bool {
	if p.side == event.Client && !p.options.NoEnd {
		p.awaitPeerEnd()
	}
	got := bytes.Clone(p.stream.currentState().received[p.taken:])
	p.played.Mismatch = p.script.newMismatch(p.side, step, int64(p.taken), pattern, got, d)
	return false
}

// awaitPeerEnd half-closes, so that a peer in order ends too, and waits a moment for
// that.
func (p *player) awaitPeerEnd() {
	if p.awaitState(settleTime, func(s state) bool { return !s.writing }) {
		p.stream.startWrite(nil, true)
	}
	p.awaitState(settleTime, func(s state) bool { return s.ended || s.full })
}

func (p *player) awaitState(limit time.Duration, done func(state) bool) bool {
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	return p.waitState(ctx, done)
}

func (p *player) stepDone(i int) bool {
	p.played.Steps = i + 1
	if p.options.AfterStep == nil {
		return true
	}
	if err := p.options.AfterStep(i); err != nil {
		return p.stopPlay("after %s: %v", p.script.stepName(i), err)
	}
	return true
}
