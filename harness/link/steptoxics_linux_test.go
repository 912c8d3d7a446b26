package link

import (
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/hook"
)

// A stepFunc is a toxic at work on one link. Its steps take all there is, or end.
type stepFunc func(stub *tp.ToxicStub, in hook.Inlet[chunk], now time.Time) hook.Step[chunk]

func (f stepFunc) Step(stub *tp.ToxicStub, in hook.Inlet[chunk], now time.Time) hook.Step[chunk] {
	return f(stub, in, now)
}

// Pipe moves on by the same steps, in a goroutine that waits between them.
func (f stepFunc) Pipe(stub *tp.ToxicStub) {
	in, input := &pipeInlet{}, stub.Input
	for {
		made := f(stub, in, time.Now())
		switch {
		case made.Ended:
			return
		case made.Out != nil:
			stub.Output <- made.Out
			continue
		}
		due := time.NewTimer(time.Hour)
		if !made.Due.IsZero() {
			due.Reset(time.Until(made.Due))
		}
		select {
		case in.next = <-input:
			if in.end = in.next == nil; in.end {
				input = nil // it is closed
			}
		case <-due.C:
		case <-stub.Interrupt:
			return
		}
		due.Stop()
	}
}

// A pipeInlet is what a call of Pipe has received.
type pipeInlet struct {
	next *chunk
	end  bool
}

func (in *pipeInlet) Take() (*chunk, bool) {
	next, end := in.next, in.end
	in.next, in.end = nil, false
	return next, end
}

// A stepStarter makes the toxic of each link.
type stepStarter struct{ start func(hook.Link) tp.Toxic }

func (s *stepStarter) CanStep() bool               { return true }
func (s *stepStarter) Pipe(*tp.ToxicStub)          { panic("it runs attached only") }
func (s *stepStarter) Attach(l hook.Link) tp.Toxic { return s.start(l) }

func steppingStage(name string, start func(hook.Link) stepFunc) Stage {
	return Stage{Name: name, Toxic: &stepStarter{func(l hook.Link) tp.Toxic { return start(l) }}}
}

// passing passes everything on, and tells before where each chunk begins.
func passing(before func(l hook.Link, offset int64)) Stage {
	return steppingStage("pass", func(l hook.Link) stepFunc {
		var offset int64
		return func(stub *tp.ToxicStub, in hook.Inlet[chunk], _ time.Time) (made hook.Step[chunk]) {
			c, end := in.Take()
			switch {
			case end:
				stub.Close()
				made.Ended = true
			case c != nil:
				before(l, offset)
				offset += int64(len(c.Data))
				made.Out = c
			}
			return made
		}
	})
}

// splitting asks for boundaries.
func splitting(offsets ...int64) Stage {
	return passing(func(l hook.Link, at int64) {
		for _, offset := range offsets {
			if at == 0 {
				l.Boundary(offset)
			}
		}
	})
}

// cutting ends the stream at an offset, perhaps once all before it was read.
func cutting(at int64, how hook.EndMode, afterRead bool) Stage {
	return steppingStage("cut", func(l hook.Link) stepFunc {
		var offset int64
		return func(stub *tp.ToxicStub, in hook.Inlet[chunk], _ time.Time) (made hook.Step[chunk]) {
			if offset == at {
				l.Struck(at, "the cut")
				l.End(how)
				stub.Close()
				return hook.Step[chunk]{Ended: true}
			}
			c, end := in.Take()
			switch {
			case end:
				stub.Close()
				made.Ended = true
			case c != nil:
				c.Data = c.Data[:min(int64(len(c.Data)), at-offset)]
				if offset += int64(len(c.Data)); offset == at && afterRead {
					l.Boundary(at)
				}
				made.Out = c
			}
			return made
		}
	})
}

// holdingSteps holds each chunk for a while, and the end behind it.
func holdingSteps(d time.Duration) Stage {
	return steppingStage("hold", func(hook.Link) stepFunc {
		var held []*chunk
		var ended bool
		return func(stub *tp.ToxicStub, in hook.Inlet[chunk], now time.Time) (made hook.Step[chunk]) {
			for c, end := in.Take(); c != nil || end; c, end = in.Take() {
				if ended = end; ended {
					break
				}
				c.Timestamp = now.Add(d)
				held = append(held, c)
			}
			switch {
			case len(held) > 0 && !held[0].Timestamp.After(now):
				made.Out, held = held[0], held[1:]
			case len(held) > 0:
				made.Due = held[0].Timestamp
			case ended:
				stub.Close()
				made.Ended = true
			}
			return made
		}
	})
}

// holdingTheEnd passes everything on but the end.
func holdingTheEnd() Stage {
	return steppingStage("last", func(hook.Link) stepFunc {
		return func(_ *tp.ToxicStub, in hook.Inlet[chunk], _ time.Time) (made hook.Step[chunk]) {
			made.Out, _ = in.Take()
			return made
		}
	})
}
