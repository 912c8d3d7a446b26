package explore

import (
	"context"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// mostAhead is how many bytes of requests leave together at most, and of answers to them: less
// than sockets hold, so that nobody blocks.
const mostAhead = 16 << 10

// leastAhead is how many exchanges a conversation has that is worth it.
const leastAhead = 3

// mayGoAhead reports whether requests of a conversation may leave together where a point is
// played in a hurry: what looks wrong is played again in order.
func (s *serverSubject) mayGoAhead() bool {
	pipelining := s.options.Target.Policies.Pipelining
	declared := pipelining != nil && *pipelining
	if s.script.Captures() || len(s.script.Volatile) > 0 || len(s.script.Skip) > 0 || len(s.script.Steps) < leastAhead ||
		s.state == scenario.StateProcess || s.layout.packets != nil || !declared && (pipelining != nil || s.process == nil) {
		return false
	}
	for _, step := range s.script.Steps {
		if _, literal := step.Expect.LiteralBytes(); !literal && len(step.Expect) > 0 {
			return false
		}
	}
	return true
}

// findAhead looks whether the server answers requests that leave together as it does others.
// One that does not is started again: nobody has said that it has to.
func (s *serverSubject) findAhead(ctx context.Context) {
	if !s.mayGoAhead() {
		return
	}
	for range 2 {
		d := &dialer{way: s.way, layout: s.layout, script: s.script, diag: s.diag, wait: s.quick, endWait: s.endWait, ahead: true}
		if describeControl(d.play(ctx, nil)) != nil {
			s.dirty = true
			return
		}
	}
	s.ahead = true
}

// together returns how many steps from i on may leave together: those that the fault does
// not concern.
func (t *turn) together(i int) int {
	if !t.ahead {
		return 0
	}
	n, sent, answered := 0, 0, 0
	for ; i+n < t.steps(); n++ {
		step := t.script.Steps[i+n]
		answer, _ := step.Expect.LiteralBytes()
		sent, answered = sent+len(step.Send), answered+len(answer)
		if t.isConcerned(i+n, step) || sent > mostAhead || answered > mostAhead {
			break
		}
	}
	return n
}

// isConcerned reports whether the fault of the turn lies in a step, or before its end.
func (t *turn) isConcerned(i int, step dialogue.Step) bool {
	p := t.point
	if step.ShutdownWrite || p == nil || t.out.reached {
		return step.ShutdownWrite
	}
	if p.Split > 0 && p.Split < t.layout.up.ExchangeEnds[i] {
		return true
	}
	return i >= t.layout.stepOf(*p)
}

// playTogether plays n steps from i on, whose requests leave together.
func (t *turn) playTogether(ctx context.Context, i, n int) bool {
	var all []byte
	for _, step := range t.script.Steps[i : i+n] {
		all = append(all, step.Send...)
	}
	t.upAt += int64(len(all))
	t.sendBytes(all)
	sock.AckAtOnce(t.wire.conn)
	t.out.asked = i + n
	for ; n > 0; i, n = i+1, n-1 {
		if !t.reply(ctx, i) {
			return false
		}
	}
	return true
}
