package link

import (
	"io"
	"strings"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// handOver has goroutines go on with the upstream link.
func (p *pair) handOver() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.upEnd <- p.up.RunStream(p.t.Context())
		p.up.WaitGoroutines()
	}()
	p.t.Cleanup(func() { <-done })
}

// withNoop is a chain and a toxic that needs a goroutine.
func withNoop(stages ...Stage) []Stage {
	return append(stages, Stage{Name: "noop", Toxic: new(tp.NoopToxic)})
}

// A destination that takes no more has goroutines go on, with each toxic where it is.
func TestStepChainIsHandedOver(t *testing.T) {
	const at = 12 << 20
	p := joinPair(t, []Stage{splitting(), cutting(at, hook.CloseBoth, false)}, nil, nil)
	data := strings.Repeat(tenBytes, (at+1000)/10)
	p.sendAside(data)
	p.wantProgress("the destination is full", NeedRun)
	if stepped := p.up.SentBytes(); stepped == 0 || stepped >= at {
		t.Errorf("%d bytes were sent by steps, want some", stepped)
	}
	p.handOver()
	p.wantBytes("all up to the cut", p.server, data[:at])
	p.wantEnd("upstream", p.upEnd, Close)
	if n := p.up.SentBytes(); n != at {
		t.Errorf("%d bytes were sent, want %d", n, at)
	}
	p.wantHappened("proxy struck 12582912, proxy fin 12582912")
}

// A boundary that steps wait at is waited for by goroutines, once.
func TestStepChainIsHandedOverAtABoundary(t *testing.T) {
	stage := splitting(3)
	p := joinPair(t, []Stage{stage}, nil, func(c *Config) { c.Patience = &Timeouts{Boundary: bound} })
	p.needDiag()
	_, _ = io.WriteString(p.client, "onetwo")
	p.turnUntil("the first piece is sent", func() bool { return p.up.SentBytes() == 3 })
	p.up.UpdateChain(withNoop(stage))
	p.wantProgress("the chain is another", NeedRun)
	p.handOver()
	p.wantBytes("up to the boundary", p.server, "one")
	p.wantBytes("behind the boundary", p.server, "two")
	_, _ = io.WriteString(p.client, "three")
	p.wantBytes("through the other chain", p.server, "three")
	if got := p.up.ActiveToxics(); len(got) != 2 || got[1] != "noop" {
		t.Errorf("active %v", got)
	}
	closeByReset(p.client)
	p.wantEnd("upstream", p.upEnd, Aborted)
	p.wantHappened("server deliver 3, client rst 11")
	p.wantEvent("the boundary was verified", func(e event.Event) bool { return e.Detail == "verified" })
}

// What a toxic holds is in goroutines' hands when it is removed, and so is the end behind it.
func TestStepChainIsHandedOverBehindTheEnd(t *testing.T) {
	stage := holdingSteps(20 * time.Millisecond)
	p := joinPair(t, []Stage{stage}, nil, nil)
	_, _ = io.WriteString(p.client, tenBytes)
	_ = p.client.CloseWrite()
	until(t, "all is read", func() bool { p.turn(); return p.up.StepsEnded() })
	p.up.UpdateChain(withNoop(stage))
	p.wantProgress("the chain is another", NeedRun)
	p.handOver()
	p.wantRest("what was held", tenBytes)
	closeByReset(p.client)
	p.wantEnd("upstream, by a reset behind FIN", p.upEnd, Aborted)
	p.wantHappened("client fin 10, client rst 10")
}

// flooding sends that many bytes more before the end of the stream.
func flooding(n int) Stage {
	return steppingStage("flood", func(hook.Link) stepFunc {
		var flooded bool
		return func(stub *tp.ToxicStub, in hook.Inlet[chunk], _ time.Time) (made hook.Step[chunk]) {
			if flooded {
				stub.Close()
				return hook.Step[chunk]{Ended: true}
			}
			if made.Out, flooded = in.Take(); flooded {
				made.Out = &chunk{Data: make([]byte, n)}
			}
			return made
		}
	})
}

// The end that a toxic wants comes although the destination takes nothing of what is
// before it: goroutines give that up.
func TestStepChainIsHandedOverWithAnEndThatIsStuck(t *testing.T) {
	for how, want := range map[hook.EndMode]Outcome{hook.CloseBoth: Close, hook.Reset: Aborted} {
		t.Run(how.String(), func(t *testing.T) {
			p := joinPair(t, []Stage{cutting(5, how, false), flooding(32 << 20)}, nil,
				func(c *Config) { c.Patience = &Timeouts{Progress: 20 * time.Millisecond, Toxic: time.Second} })
			_, _ = io.WriteString(p.client, tenBytes)
			p.wantProgress("the destination is full", NeedRun)
			p.handOver()
			p.wantEnd("upstream", p.upEnd, want)
			if n := p.up.SentBytes(); n == 0 || n >= 32<<20 {
				t.Errorf("%d bytes were sent, want some of the flood", n)
			}
			p.wantHappened("proxy struck 5")
		})
	}
}

// A reset that waits for the receiver waits on when goroutines go on.
func TestStepChainIsHandedOverWhileItAwaitsTheReader(t *testing.T) {
	stage := cutting(5, hook.Reset, false)
	p := joinPair(t, []Stage{stage}, nil, func(c *Config) { c.Patience = &Timeouts{Consume: bound, Toxic: time.Second} })
	p.needDiag()
	_, _ = io.WriteString(p.client, tenBytes)
	p.turnUntil("the receiver is awaited", func() bool { return p.up.SentBytes() == 5 && p.up.steps.chain.wait.reset })
	p.up.UpdateChain(withNoop(stage))
	p.wantProgress("the chain is another", NeedRun)
	p.handOver()
	until(t, "a goroutine has it", func() bool { return len(p.up.ActiveToxics()) == 2 })
	p.wantHappened("proxy struck 5")
	p.wantBytes("what came before the reset", p.server, "01234")
	p.wantEnd("upstream", p.upEnd, Aborted)
	p.wantHappened("proxy struck 5, proxy rst 5")
}
