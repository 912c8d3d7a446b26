package dialogue

import (
	"context"
	"slices"

	"github.com/sockharness/harness/harness/event"
)

// PlayClient is the client of the script. It reads while it writes, so that no
// peer can block it, and blocks until the conversation is over, goes wrong, or
// ctx ends; what is still open then has the ending timeout. It closes conn
// before it returns, unless o.NoEnd, or o.LeaveOpen and all is well.
//
// At the end, where the client closes, it first sends FIN only and reads on,
// because that shows how the server ends.
func (s *Script) PlayClient(ctx context.Context, conn Conn, o Options) Played {
	if s.datagrams {
		return s.playDatagrams(ctx, conn, o)
	}
	s = s.ForConnection()
	return s.playSide(ctx, conn, o, event.Client, func(p *player) bool {
		if len(s.Greeting) > 0 && !p.receivePattern(ctx, -1, s.Greeting, s.greetingKeep) {
			return false
		}
		if o.Pipelined {
			p.stream.startWrite(s.RequestBytes(), s.halfCloses())
		}
		for i, step := range s.Steps {
			if !p.playExchange(i, step) {
				return false
			}
		}
		if o.NoEnd || o.LeaveOpen {
			return true
		}
		if s.End != ServerCloses && !s.halfCloses() {
			p.stream.startWrite(nil, true)
		}
		return p.awaitEnd()
	})
}

func (p *player) playExchange(i int, step Step) bool {
	ctx := p.ctx
	if step.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, step.Within)
		defer cancel()
	}
	if p.options.BeforeStep != nil {
		if err := p.options.BeforeStep(i); err != nil {
			return p.stopPlay("before %s: %v", p.script.stepName(i), err)
		}
	}
	step = p.script.expandStep(i)
	if p.script.dynamic {
		p.played.sends = append(p.played.sends, step.Send)
	}
	data, ok := p.openData(ctx, i, step)
	if !ok {
		return false
	}
	if data != nil {
		defer data.Close()
	}
	if !p.options.Pipelined {
		p.stream.startWrite(step.Send, step.ShutdownWrite)
	}
	if !p.receivePattern(ctx, i, p.script.expandStep(i).Expect, step.keepExpected) {
		return false
	}
	if last := i == len(p.script.Steps)-1; (last || !p.options.Pipelined) && !p.awaitWritten(ctx, i) {
		return false
	}
	if data != nil && !p.playData(ctx, i, data) {
		return false
	}
	return p.stepDone(i)
}

func (s *Script) halfCloses() bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return step.ShutdownWrite })
}
