package link

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

const tenBytes = "0123456789"

// A toxic that ends the stream at an offset has the caller do the rest; not a byte beyond
// the offset is sent.
func TestStepChainIsCut(t *testing.T) {
	for how, want := range map[hook.EndMode]Progress{hook.CloseBoth: Closing, hook.Vanish: Closing, hook.HalfClose: Finished} {
		t.Run(how.String(), func(t *testing.T) {
			p := joinPair(t, []Stage{cutting(5, how, false)}, nil, nil)
			_, _ = io.WriteString(p.client, tenBytes)
			p.wantProgress("the cut", want)
			if !p.up.HasChain() || p.up.SentBytes() != 5 || p.up.DirectBytes() != 0 || p.up.FINSent() != (how == hook.HalfClose) {
				t.Errorf("sent %d, %d of them past the toxic, FIN %v", p.up.SentBytes(), p.up.DirectBytes(), p.up.FINSent())
			}
			p.wantBytes("what came before the cut", p.server, "01234")
			p.wantHappened("proxy struck 5, proxy fin 5")
		})
	}
}

// Behind a half-close the source is read and dropped, and the other direction goes on.
func TestStepChainDropsWhatComesBehindACut(t *testing.T) {
	p := joinPair(t, []Stage{splitting(), cutting(5, hook.HalfClose, false)}, nil, nil)
	_, _ = io.WriteString(p.client, tenBytes)
	p.wantProgress("the cut", Finished)
	p.wantRest("what came before the cut", "01234")
	_, _ = io.WriteString(p.client, tenBytes)
	p.turnUntil("the rest is read", func() bool { return p.up.ReceivedBytes() == 20 })
	_, _ = io.WriteString(p.server, "reply")
	server, client := descriptor(t, p.down.src.Conn), descriptor(t, p.down.dst.Conn)
	until(t, "the reply is carried", func() bool {
		return p.down.StepOnce(server, client, make([]byte, 64), false) == WouldBlock && p.down.SentBytes() == 5
	})
	p.wantBytes("the reply", p.client, "reply")
	closeByReset(p.client)
	p.wantProgress("a reset behind it", Resetting)
	if n := p.up.SentBytes(); n != 5 {
		t.Errorf("sent %d bytes, want 5", n)
	}
	p.wantHappened("proxy struck 5, proxy fin 5, client rst 20")
}

// What is held is due later, and the end of the stream behind it.
func TestStepChainHoldsTheEndBehindWhatItHolds(t *testing.T) {
	const d = 20 * time.Millisecond
	p := joinPair(t, []Stage{splitting(), holdingSteps(d)}, nil, nil)
	sent := time.Now()
	_, _ = io.WriteString(p.client, tenBytes)
	_ = p.client.CloseWrite()
	until(t, "all is read", func() bool {
		p.turn()
		return p.up.StepsEnded()
	})
	due, held := p.up.NextDue()
	if !held || due.Before(sent.Add(d)) {
		t.Errorf("due %v after the send, want %v or more", due.Sub(sent), d)
	}
	p.wantProgress("the end", Finished)
	if time.Now().Before(due) {
		t.Error("released before it was due")
	}
	p.wantRest("what was held", tenBytes)
	p.wantHappened("client fin 10")
	if active := p.up.ActiveToxics(); len(active) != 2 || active[1] != "hold" {
		t.Errorf("active %v, want pass and hold", active)
	}
}

// A source whose bytes nobody takes is left alone, and read on once there is room; behind
// a toxic with a buffer a goroutine goes on.
func TestStepChainLeavesAFastSourceAlone(t *testing.T) {
	for buffer, want := range map[int]Progress{0: WouldBlock, 8: NeedRun} {
		t.Run(fmt.Sprint("buffer ", buffer), func(t *testing.T) {
			open := false
			stage := steppingStage("gate", func(hook.Link) stepFunc {
				return func(_ *tp.ToxicStub, in hook.Inlet[chunk], now time.Time) (made hook.Step[chunk]) {
					if open {
						made.Out, _ = in.Take()
					} else {
						made.Due = now
					}
					return made
				}
			})
			stage.BufferSize = buffer
			p := joinPair(t, []Stage{stage}, nil, nil)
			data := strings.Repeat(tenBytes, 2*stepLimit/10)
			_, _ = io.WriteString(p.client, data)
			src, dst := descriptor(t, p.up.src.Conn), descriptor(t, p.up.dst.Conn)
			got := WouldBlock
			until(t, "the source is left alone", func() bool {
				got = p.up.StepOnce(src, dst, make([]byte, 1000), true)
				return got == want && p.up.steps.chain.paused
			})
			if n := p.up.ReceivedBytes(); n < stepLimit || n >= stepLimit+1000 {
				t.Errorf("%d bytes were read, want %d at most", n, stepLimit)
			}
			if p.up.TakesMore() {
				t.Error("it takes more without room")
			}
			if open = true; want == NeedRun {
				return
			}
			if got := p.up.ReleaseDue(dst); got != WouldBlock || !p.up.TakesMore() || p.up.TakesMore() {
				t.Errorf("got progress %d, want that it takes more, and says so once", got)
			}
			p.turnUntil("all is sent", func() bool { return p.up.SentBytes() == int64(len(data)) })
			p.wantBytes("all", p.server, data)
		})
	}
}

// A toxic that panics ends the connection, and says so.
func TestStepChainEndsWithAPanic(t *testing.T) {
	p := joinPair(t, []Stage{passing(func(_ hook.Link, at int64) {
		if at > 0 {
			panic("no")
		}
	})}, nil, nil)
	_, _ = io.WriteString(p.client, "one")
	p.turnUntil("the first piece is sent", func() bool { return p.up.SentBytes() == 3 })
	_, _ = io.WriteString(p.client, "two")
	p.wantProgress("the panic", Closing)
	p.wantEvent("the panic at byte 3", func(e event.Event) bool {
		return e.Kind == event.Panic && e.Toxic == "pass" && e.Offset == 3 && e.Detail == "no"
	})
}

// What says that it can step and then does not is for goroutines.
func TestStepChainNeedsStepsOfEveryToxic(t *testing.T) {
	odd := &stepStarter{func(hook.Link) tp.Toxic { return new(tp.NoopToxic) }}
	p := joinPair(t, []Stage{splitting(), {Name: "odd", Toxic: odd}}, nil, nil)
	if p.up.CanStep() || p.up.HasChain() {
		t.Error("it steps with a toxic that cannot")
	}
	_, _ = io.WriteString(p.client, tenBytes)
	p.wantProgress("a step", NeedRun)
}

func TestPollsGetRarer(t *testing.T) {
	var pace pollPace
	now := time.Now()
	last := time.Duration(0)
	for range 40 {
		next := pace.next(now).Sub(now)
		if next < last || next > poll {
			t.Errorf("the next poll is after %v, want %v to %v", next, last, poll)
		}
		last = next
	}
	if last != poll {
		t.Errorf("the last pause is %v, want %v", last, poll)
	}
}
