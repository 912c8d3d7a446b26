package explore

import (
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// A datagramTurn is one conversation over UDP while it is played to a server.
type datagramTurn struct {
	*turn
	asked    int  // requests that were sent, one that is sent again not counted
	answered int  // answers that have come, in the same way
	again    bool // what comes may be the answer to an earlier request
}

func (t *datagramTurn) run(ctx context.Context) {
	t.out.answers = make([][]byte, len(t.script.Steps))
	for i := 0; i < t.steps(); i++ {
		swaps := t.strikesUp(i, Reorder) && i+1 < t.steps()
		if swaps {
			if !t.swap(ctx, i) {
				return
			}
			i++
			continue
		}
		if !t.exchange(ctx, i) {
			return
		}
	}
	t.out.answered = time.Since(t.began)
	t.out.whole, t.out.ok = true, true
}

// strikesUp reports whether the request of a step is struck by the fault.
func (t *datagramTurn) strikesUp(i int, f Fault) bool {
	p := t.point
	return p != nil && p.Direction == event.Upstream && p.Fault == f && len(t.script.Steps[i].Send) > 0 && int64(t.asked+1) == p.Offset
}

func (t *datagramTurn) strike(format string, args ...any) {
	t.out.reached, t.again = true, true
	t.note(">>>     "+format, args...)
}

// exchange plays one step, and reports whether the next one follows.
func (t *datagramTurn) exchange(ctx context.Context, i int) bool {
	request := t.script.Steps[i].Send
	if t.strikesUp(i, Drop) {
		t.strike("request %d is lost, and the client gives up", t.point.Offset)
		return false
	}
	var cut *wire
	if t.strikesUp(i, Truncate) {
		if cut = t.sendCut(ctx, request); cut == nil {
			return false
		}
		defer cut.close()
	}
	twice := t.strikesUp(i, Duplicate)
	if !t.ask(i, request) {
		return false
	}
	if twice {
		t.strike("request %d comes twice", t.point.Offset)
		t.sendBytes(request)
	}
	if len(t.script.Steps[i].Expect) > 0 && !t.takeAnswer(ctx, i) {
		return false
	}
	if cut != nil {
		t.lookForHalf(cut, i)
	}
	return true
}

// ask sends the request of a step.
func (t *datagramTurn) ask(i int, request []byte) bool {
	if len(request) == 0 {
		return true
	}
	t.asked++
	t.out.asked = i + 1
	return t.sendBytes(request)
}

// takeAnswer awaits the answer of a step; where that is to be lost, the request is sent
// again and answered again.
func (t *datagramTurn) takeAnswer(ctx context.Context, i int) bool {
	if !t.answer(ctx, i) {
		return false
	}
	t.answered++
	p := t.point
	if p == nil || p.Direction != event.Downstream || p.Fault != Drop || int64(t.answered) != p.Offset {
		return true
	}
	t.strike("answer %d is lost, and the client asks again", p.Offset)
	before := t.out.answers[i]
	if !t.sendBytes(t.script.Steps[i].Send) {
		return false
	}
	b, came := t.next(ctx)
	switch {
	case !came:
		t.out.repeated = "no answer came"
		t.out.late = false
		return true
	case string(b) != string(before):
		t.out.repeated = fmt.Sprintf("the first answer was %s, the second one is %s", quoteStart(before), quoteStart(b))
	}
	return true
}

// answer awaits the answer of a step. Behind a fault, what was an answer before is left.
func (t *datagramTurn) answer(ctx context.Context, i int) bool {
	for {
		b, came := t.next(ctx)
		if !came {
			return false
		}
		if t.script.MatchesDatagram(i, b) {
			t.accept(i, b)
			return true
		}
		if t.again && t.isEarlier(i, b) {
			continue
		}
		t.out.wrong = t.describe(i, b, int64(len(t.wire.got)-len(b)))
		return false
	}
}

func (t *datagramTurn) accept(i int, b []byte) {
	t.out.answers[i] = b
	t.wire.taken = len(t.wire.got)
	t.out.ends = append(t.out.ends, int64(t.wire.taken))
	t.out.steps = i + 1
}

// isEarlier reports whether a datagram is the answer of a step before.
func (t *datagramTurn) isEarlier(i int, b []byte) bool {
	for step := range i {
		if len(t.script.Steps[step].Expect) > 0 && t.script.MatchesDatagram(step, b) {
			return true
		}
	}
	return false
}

func (t *datagramTurn) describe(i int, b []byte, from int64) string {
	want, _ := t.script.Steps[i].Expect.LiteralBytes()
	return t.script.DescribeReply(i, dialogue.CommonPrefix(want, b), b, from)
}

// next returns the next datagram of the server; false says that none comes.
func (t *datagramTurn) next(ctx context.Context) ([]byte, bool) {
	before := len(t.wire.got)
	if !t.await(ctx) {
		t.out.late = true
		return nil, false
	}
	if t.wire.ending != event.Open {
		t.note("server  %s", endingText(t.wire.ending))
		return nil, false
	}
	b := t.wire.got[before:len(t.wire.got):len(t.wire.got)]
	t.note("server  %s", quoteStart(b))
	return b, true
}

// sendCut sends what is left of a request from a socket of its own, and returns that.
func (t *datagramTurn) sendCut(ctx context.Context, request []byte) *wire {
	conn, err := t.way.connect(ctx, max(t.wait, time.Second))
	if err != nil {
		t.out.dialErr = err
		return nil
	}
	w := newWire(conn, nil)
	cut := t.point.kept(request)
	t.strike("request %d is cut from %d to %s", t.point.Offset, len(request), plural.Count(len(cut), "byte"))
	w.send(cut, t.wait)
	return w
}

// lookForHalf looks whether a request that was cut has the answer of the whole one. The
// answer to a request that was sent later has come.
func (t *datagramTurn) lookForHalf(cut *wire, i int) {
	if !cut.read(time.Now().Add(halfTime)) || cut.ending != event.Open || len(cut.got) == 0 {
		return
	}
	if len(t.script.Steps[i].Expect) > 0 && t.script.MatchesDatagram(i, cut.got) {
		t.out.halved = fmt.Sprintf("it got the answer to the whole request: %s", quoteStart(cut.got))
	}
}

// halfTime is how long an answer may follow the one to a request that was sent later.
const halfTime = 20 * time.Millisecond

// swap sends the request of the step behind this one first, and awaits both answers in
// any order. Where both are answered otherwise, what they mean depends on their order.
func (t *datagramTurn) swap(ctx context.Context, i int) bool {
	first, second := t.script.Steps[i+1], t.script.Steps[i]
	t.strike("request %d is sent before request %d", t.point.Offset+1, t.point.Offset)
	if !t.ask(i+1, first.Send) || !t.ask(i, second.Send) {
		return false
	}
	open := map[int]bool{}
	for _, step := range []int{i, i + 1} {
		if len(t.script.Steps[step].Expect) > 0 {
			open[step] = true
		}
	}
	for range len(open) {
		b, came := t.next(ctx)
		if !came {
			return false
		}
		for step := range open {
			if t.script.MatchesDatagram(step, b) {
				t.accept(step, b)
				delete(open, step)
				break
			}
		}
	}
	if len(open) > 0 {
		t.out.whole = true
		return false
	}
	return true
}
