package explore

import (
	"context"

	"github.com/sockharness/harness/harness/event"
)

// strike plays the step in which the fault of a point lies, behind the first n bytes of
// what it sends, and reports whether the conversation goes on.
func (t *turn) strike(ctx context.Context, i int, send []byte, n int64) bool {
	p, step := t.point, t.script.StepNow(i)
	before, after := send[:n], send[n:]
	if p.Split > 0 && p.Split < p.Offset {
		if at := int64(len(before)) - (p.Offset - p.Split); at > 0 {
			t.sendBytes(before[:at])
			t.consumed(ctx)
			before = before[at:]
		}
	}
	t.out.reached = true
	switch p.Fault {
	case Split:
		t.sendSplit(ctx, append(append([]byte{}, before...), after...), int64(len(before)))
		return t.answer(ctx, i, step)
	case Coalesce:
		return t.coalesce(ctx, i, send)
	case Heal:
		t.sendBytes(before)
		t.consumed(ctx)
		t.askOther(ctx)
		t.sendBytes(after)
		return t.answer(ctx, i, step)
	case Corrupt:
		t.sendChanged(before, []byte{^after[0]}, after[1:], i)
	case Duplicate:
		t.sendChanged(before, []byte{after[0], after[0]}, after[1:], i)
	default:
		t.sendBytes(before)
		t.end(ctx)
		return false
	}
	t.wire.finish()
	t.note("client  FIN")
	t.drain(ctx)
	return false
}

// sendAhead sends every request up to the fault without waiting for an answer.
func (t *turn) sendAhead(ctx context.Context) {
	var all []byte
	for _, step := range t.script.Steps {
		all = append(all, step.Send...)
	}
	t.out.reached = true
	t.sendBytes(all[:min(t.point.Offset, int64(len(all)))])
	t.end(ctx)
}

// sendSplit sends b as two segments, the second when the first was read.
func (t *turn) sendSplit(ctx context.Context, b []byte, at int64) {
	t.sendBytes(b[:at])
	t.consumed(ctx)
	t.sendBytes(b[at:])
}

func (t *turn) consumed(ctx context.Context) {
	if t.wire.consumed(ctx, t.wait) {
		t.note("server  has read all of it")
	}
}

// sendChanged sends a step's bytes with some of them changed, and all that follows.
func (t *turn) sendChanged(before, changed, after []byte, i int) {
	all := append(append(append([]byte{}, before...), changed...), after...)
	t.note(">>>     %s", t.point.Fault)
	t.sendBytes(all)
	if t.point.Fault == Duplicate && i+1 < t.steps() && t.script.Steps[i+1].Connect == nil {
		t.sendBytes(t.script.StepNow(i + 1).Send)
	}
}

// coalesce sends a step's bytes together with the next step's.
func (t *turn) coalesce(ctx context.Context, i int, send []byte) bool {
	if i+1 >= t.steps() {
		t.sendBytes(send)
		return t.answer(ctx, i, t.script.Steps[i])
	}
	next := t.script.Steps[i+1]
	t.note(">>>     coalesce: two requests in one segment")
	t.sendBytes(append(append([]byte{}, send...), next.Send...))
	if !t.answer(ctx, i, t.script.Steps[i]) {
		return false
	}
	t.upAt += int64(len(next.Send))
	if !t.answer(ctx, i+1, next) {
		return false
	}
	if t.playFrom(ctx, i+2) {
		t.finish(ctx)
	}
	return false
}

// end ends the client's direction in the point's way.
func (t *turn) end(ctx context.Context) {
	p, w := t.point, t.wire
	if (p.Read || p.Fault == HalfClose || p.Fault == Stall) && w.sent > 0 {
		t.consumed(ctx)
	}
	t.note(">>>     %s at byte %d", p.Fault, p.Offset)
	switch p.Fault {
	case FIN, HalfClose:
		w.finish()
		t.drain(ctx)
	case Reset:
		w.reset()
	case Vanish:
		w.vanish()
	case Stall:
		t.askOther(ctx)
	}
}

// strikeDown is the fault of a point that lies behind bytes which the client receives.
func (t *turn) strikeDown(ctx context.Context) bool {
	p, w := t.point, t.wire
	t.out.reached = true
	t.note(">>>     %s after byte %d was received", p.Fault, p.Offset)
	switch p.Fault {
	case HalfClose:
		w.most = 0
		w.finish()
		t.drain(ctx)
	case Reset:
		w.reset()
	case Vanish:
		w.vanish()
	case Stall:
		t.askOther(ctx)
	}
	if w.ending == event.Open && p.Fault != HalfClose {
		w.close()
	}
	return false
}

// askOther lets another client hold its conversation while this one stands still.
func (t *turn) askOther(ctx context.Context) {
	if t.other == nil {
		return
	}
	if err := t.other(ctx); err != nil {
		t.out.others = err.Error()
		t.note("other   %v", err)
		return
	}
	t.note("other   another client is served")
}
