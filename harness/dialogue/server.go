package dialogue

import (
	"bytes"
	"context"

	"github.com/sockharness/harness/harness/event"
)

// PlayServer is the server of the script: it waits for each request, byte for
// byte, and answers it; where the client is to half-close, it answers after the
// client's FIN. On unexpected bytes it closes. It blocks until the conversation
// is over, goes wrong, or ctx ends, and closes conn before it returns, unless
// o.NoEnd, or o.LeaveOpen and all is well. A script with a regex or any in a reply cannot be played, see
// [Dialogue.PlayableAs].
func (s *Script) PlayServer(ctx context.Context, conn Conn, o Options) Played {
	s = s.ForConnection()
	return s.playSide(ctx, conn, o, event.Server, func(p *player) bool {
		if !p.sendPattern(-1, s.Greeting) {
			return false
		}
		for i, step := range s.Steps {
			if !p.playReply(i, step) {
				return false
			}
		}
		if o.NoEnd || o.LeaveOpen {
			return true
		}
		if s.End == ServerCloses {
			p.stream.startWrite(nil, true)
		}
		return p.awaitEnd()
	})
}

func (p *player) playReply(i int, step Step) bool {
	request := p.script.expandStep(i).requestPattern()
	from := p.taken
	if request != nil && !p.receivePattern(p.ctx, i, request, step.keepSent) {
		return false
	}
	if p.script.dynamic {
		p.played.sends = append(p.played.sends, bytes.Clone(p.stream.currentState().received[from:p.taken]))
	}
	if !p.openPort(i) {
		return false
	}
	step = p.script.expandStep(i)
	if step.ShutdownWrite && !p.halfClosed(i) {
		return false
	}
	return p.sendPattern(i, step.Expect) && p.serveData(i, step) && p.stepDone(i)
}

// halfClosed waits for the client's FIN.
func (p *player) halfClosed(step int) bool {
	in := p.waitState(p.ctx, func(s state) bool { return s.ended || len(s.received) > p.taken })
	s := p.stream.currentState()
	switch {
	case len(s.received) > p.taken:
		return p.recordDifference(step, nil, &difference{})
	case !in:
		return p.stopLate("%s: the client had not half-closed in time", p.script.stepName(step))
	case s.readEnd != event.EOF:
		return p.stopPlay("%s: the client's stream ended with %q instead of a half-close", p.script.stepName(step), s.readEnd)
	}
	return true
}

func (p *player) sendPattern(step int, pattern Pattern) bool {
	b, err := pattern.SentBytes()
	if err != nil {
		return p.stopPlay("%s: %v", p.script.stepName(step), err)
	}
	if len(b) == 0 {
		return true
	}
	if p.options.BeforeReply != nil {
		if err := p.options.BeforeReply(step); err != nil {
			return p.stopPlay("before the reply of %s: %v", p.script.stepName(step), err)
		}
	}
	p.stream.startWrite(b, false)
	return p.awaitWritten(p.ctx, step)
}
