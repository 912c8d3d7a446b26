package dialogue

import (
	"context"

	"github.com/sockharness/harness/harness/event"
)

// PlayServer is the server of the script: it waits for each request, byte for
// byte, and answers it; where the client is to half-close, it answers after the
// client's FIN. On unexpected bytes it closes. It blocks until the conversation
// is over, goes wrong, or ctx ends, and closes conn before it returns, unless
// o.NoEnd. A script with a regex or any in a reply cannot be played, see
// [Dialogue.PlayableAs].
func (s *Script) PlayServer(ctx context.Context, conn Conn, o Options) Played {
	return s.play(ctx, conn, o, event.Server, func(p *player) bool {
		if !p.send(-1, s.Greeting) {
			return false
		}
		for i, step := range s.Steps {
			if !p.reply(i, step) {
				return false
			}
		}
		if o.NoEnd {
			return true
		}
		if s.End == ServerCloses {
			p.stream.write(nil, true)
		}
		return p.ended()
	})
}

func (p *player) reply(i int, step Step) bool {
	if len(step.Send) > 0 && !p.receive(p.ctx, i, Pattern{{Bytes: step.Send}}) {
		return false
	}
	if step.ShutdownWrite && !p.halfClosed(i) {
		return false
	}
	return p.send(i, step.Expect) && p.stepDone(i)
}

// halfClosed waits for the client's FIN.
func (p *player) halfClosed(step int) bool {
	in := p.wait(p.ctx, func(s state) bool { return s.ended || len(s.received) > p.taken })
	s := p.stream.snapshot()
	switch {
	case len(s.received) > p.taken:
		return p.differ(step, nil, &difference{})
	case !in:
		return p.late("%s: the client had not half-closed when the wait was over", p.script.at(step))
	case s.readEnd != event.EOF:
		return p.stop("%s: instead of half-closing, the client's stream ended with %q", p.script.at(step), s.readEnd)
	}
	return true
}

func (p *player) send(step int, pattern Pattern) bool {
	b, err := pattern.Bytes()
	if err != nil {
		return p.stop("%s: %v", p.script.at(step), err)
	}
	if len(b) == 0 {
		return true
	}
	p.stream.write(b, false)
	return p.written(p.ctx, step)
}
