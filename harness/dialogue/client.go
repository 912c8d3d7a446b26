package dialogue

import (
	"context"
	"slices"

	"github.com/sockharness/harness/harness/event"
)

// PlayClient is the client of the script. It reads while it writes, so that no
// peer can block it, and blocks until the conversation is over, goes wrong, or
// ctx ends; what is still open then has the ending timeout. It closes conn
// before it returns, unless o.NoEnd.
//
// At the end, where the client closes, it first sends FIN only and reads on,
// because that shows how the server ends.
func (s *Script) PlayClient(ctx context.Context, conn Conn, o Options) Played {
	return s.play(ctx, conn, o, event.Client, func(p *player) bool {
		if len(s.Greeting) > 0 && !p.receive(ctx, -1, s.Greeting) {
			return false
		}
		if o.Pipelined {
			p.stream.write(s.Requests(), s.halfCloses())
		}
		for i, step := range s.Steps {
			if !p.exchange(i, step) {
				return false
			}
		}
		if o.NoEnd {
			return true
		}
		if s.End != ServerCloses && !s.halfCloses() {
			p.stream.write(nil, true)
		}
		return p.ended()
	})
}

func (p *player) exchange(i int, step Step) bool {
	ctx := p.ctx
	if step.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, step.Within)
		defer cancel()
	}
	if !p.options.Pipelined {
		p.stream.write(step.Send, step.ShutdownWrite)
	}
	if !p.receive(ctx, i, step.Expect) {
		return false
	}
	if last := i == len(p.script.Steps)-1; (last || !p.options.Pipelined) && !p.written(ctx, i) {
		return false
	}
	return p.stepDone(i)
}

func (s *Script) halfCloses() bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return step.ShutdownWrite })
}
