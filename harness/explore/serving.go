package explore

import (
	"context"
	"errors"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sleep"
)

// A serving is one connection while it is played.
type serving struct {
	*listener
	script *dialogue.Script
	wire   *wire
	point  *Point // nil: no fault on this connection
	at     int64  // bytes of the replies before this step
	upAt   int64
	ports  dialogue.DataPorts // that the client was told
	wrong  string
}

var errEnded = errors.New("the conversation is over")

// run reports whether the conversation was complete.
func (s *serving) run(ctx context.Context) bool {
	greeting, err := s.script.Greeting.SentBytes()
	if err != nil || s.reply(ctx, greeting, len(s.script.Steps) == 0) != nil {
		return false
	}
	for i, step := range s.script.Steps {
		if s.request(ctx, i, step) != nil || s.openPort(ctx, i) != nil {
			return false
		}
		answer, err := s.script.StepNow(i).Expect.SentBytes()
		if err != nil || s.reply(ctx, answer, i == len(s.script.Steps)-1) != nil || s.serveData(ctx, i) != nil {
			return false
		}
	}
	if s.script.End == dialogue.ServerCloses {
		s.note("server  FIN")
		s.wire.finish()
	}
	s.drain(ctx)
	return true
}

// request awaits what the client sends in step i.
func (s *serving) request(ctx context.Context, i int, step dialogue.Step) error {
	w, size := s.wire, int64(len(step.Send))
	if l := s.subject.layout; l != nil {
		size = int64(len(l.script.Steps[i].Send))
	}
	if p := s.point; p != nil && p.Direction == event.Upstream && !p.Fault.isOfConnect() {
		if from := s.upAt; p.Offset >= from && p.Offset < from+size {
			return s.strikeUp(ctx, w.taken+int(p.Offset-from))
		}
	}
	s.upAt += size
	for step.Asks() {
		n, match := s.script.MatchRequest(i, w.got[w.taken:], w.ending != event.Open)
		switch {
		case match == dialogue.ReplyMatched:
			w.taken += n
			s.note("client  " + plural.Count(n, "byte") + " to the server")
			if !step.ShutdownWrite {
				return nil
			}
			s.drain(ctx)
			return nil
		case match == dialogue.ReplyDiffers:
			s.wrong = s.script.DescribeReply(len(s.script.Steps), n, w.got[w.taken:], int64(w.taken))
			return errEnded
		case w.ending != event.Open:
			s.note("client  " + endingText(w.ending))
			return errEnded
		}
		s.await(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// await blocks until the client says or ends something, or the connection is closed.
func (s *serving) await(ctx context.Context) {
	s.waiting.Add(1)
	s.wire.read(time.Time{})
	s.waiting.Add(-1)
}

// drain reads to the end of the client's stream.
func (s *serving) drain(ctx context.Context) {
	for s.wire.ending == event.Open && !s.wire.full() && ctx.Err() == nil {
		s.await(ctx)
	}
	if s.wire.ending != event.Open && ctx.Err() == nil {
		s.note("client  " + endingText(s.wire.ending))
	}
}

// strikeUp ends the connection when the client has sent so many bytes.
func (s *serving) strikeUp(ctx context.Context, n int) error {
	w := s.wire
	w.most = n
	for n > 0 && w.ending == event.Open && len(w.got) < n && ctx.Err() == nil {
		s.await(ctx)
	}
	if len(w.got) < n {
		return errEnded
	}
	s.strikes()
	s.note(">>>     " + s.point.String())
	w.most = 0
	if s.point.Fault == Reset {
		w.reset()
		return errEnded
	}
	w.finish()
	s.drain(ctx)
	return errEnded
}

// reply sends what the server says in a step, with the fault that lies in it.
func (s *serving) reply(ctx context.Context, b []byte, last bool) error {
	from := s.at
	s.at += int64(len(b))
	p := s.point
	if p == nil || p.Direction != event.Downstream || p.Fault.isOfConnect() {
		return s.send(b)
	}
	if !p.liesIn(from, s.at) {
		if p.Split > from && p.Split < s.at {
			return s.sendSplit(ctx, b, p.Split-from)
		}
		return s.send(b)
	}
	return s.strikeDown(ctx, b, p.Offset-from)
}

func (s *serving) send(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	s.note("server  " + plural.Count(len(b), "byte") + " to the client")
	if !s.wire.send(b, 30*time.Second) {
		return errEnded
	}
	return nil
}

func (s *serving) sendSplit(ctx context.Context, b []byte, at int64) error {
	if err := s.send(b[:at]); err != nil {
		return err
	}
	if s.wire.consumed(ctx, s.patience) {
		s.note("client  has read all of it")
	}
	return s.send(b[at:])
}

// consumeWait is how long a client may take to read what was sent, in a hurry.
const consumeWait = 500 * time.Millisecond

func (s *serving) strikeDown(ctx context.Context, b []byte, n int64) error {
	p, w := s.point, s.wire
	s.strikes()
	switch p.Fault {
	case Split:
		return s.sendSplit(ctx, b, n)
	case Corrupt:
		return s.send(append(append(append([]byte{}, b[:n]...), ^b[n]), b[n+1:]...))
	case Duplicate:
		return s.send(append(append(append([]byte{}, b[:n]...), b[n]), b[n:]...))
	case Heal:
		if err := s.send(b[:n]); err != nil {
			return err
		}
		w.consumed(ctx, s.patience)
		s.note(">>>     silence for " + s.subject.heal.String())
		sleep.For(ctx, s.subject.heal)
		return s.send(b[n:])
	}
	if p.Split > 0 && p.Split < p.Offset {
		if at := n - (p.Offset - p.Split); at > 0 {
			if err := s.sendSplit(ctx, b[:n], at); err != nil {
				return err
			}
			b, n = b[n:], 0
		}
	}
	if err := s.send(b[:n]); err != nil {
		return err
	}
	if (p.Read || p.Fault == HalfClose || p.Fault == Stall) && w.sent > 0 {
		w.consumed(ctx, s.patience)
	}
	s.note(">>>     " + p.String())
	switch p.Fault {
	case Reset:
		w.reset()
		return errEnded
	case Vanish:
		w.vanish()
		return errEnded
	case FIN, HalfClose:
		w.finish()
	}
	s.drain(ctx)
	return errEnded
}
