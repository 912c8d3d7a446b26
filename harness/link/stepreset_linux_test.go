package link

import (
	"io"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// A reset of the source goes on to the peer behind what a toxic holds, once the peer's
// kernel has that.
func TestStepChainPassesOnAReset(t *testing.T) {
	p := joinPair(t, []Stage{splitting(), holdingSteps(20 * time.Millisecond)}, nil, nil)
	dst := descriptor(t, p.up.dst.Conn)
	_, _ = io.WriteString(p.client, tenBytes)
	p.turnUntil("the bytes are held", func() bool { return p.up.ReceivedBytes() == 10 })
	due, _ := p.up.NextDue()
	closeByReset(p.client)
	until(t, "the reset is read", func() bool {
		if got := p.turn(); p.up.SentBytes() == 0 && got != WouldBlock {
			t.Fatalf("got progress %d with bytes held", got)
		}
		return p.up.StepsEnded()
	})
	<-p.up.src.ResetChan()
	p.wantProgress("the reset is to go on", Resetting)
	if time.Now().Before(due) {
		t.Error("it goes on before what is held was due")
	}
	until(t, "the peer's kernel has it all", func() bool { return p.up.ResetDue(dst) })
	p.wantBytes("what came before the reset", p.server, tenBytes)
	if got := p.up.RunStream(t.Context()); got != Aborted {
		t.Errorf("a goroutine ends it with %s", got)
	}
	p.wantHappened("client rst 10")
}

// A read does not tell of a reset behind FIN; the kernel's error does.
func TestResetBehindFINIsNoted(t *testing.T) {
	for name, stages := range map[string][]Stage{"plain": nil, "chain": {splitting()}, "cut": {cutting(5, hook.HalfClose, false)}} {
		t.Run(name, func(t *testing.T) {
			p := joinPair(t, stages, nil, nil)
			src := descriptor(t, p.up.src.Conn)
			_, _ = io.WriteString(p.client, "01234")
			if name == "cut" {
				p.wantProgress("the cut", Finished)
			}
			_ = p.client.CloseWrite()
			if name == "cut" {
				p.turnUntil("FIN is read", p.up.StepsEnded)
			} else {
				p.wantProgress("FIN", Finished)
			}
			if got := p.up.NoteReset(src); got != WouldBlock {
				t.Errorf("got progress %d before the reset", got)
			}
			closeByReset(p.client)
			until(t, "the reset is noted", func() bool { return p.up.NoteReset(src) == Resetting })
			p.wantRest("what came before", "01234")
			p.wantEvent("the reset at byte 5", func(e event.Event) bool {
				return e.Kind == event.RST && e.Side == event.Client && e.Offset == 5
			})
		})
	}
}

// A reset that is noted behind a FIN which is held comes behind what is held.
func TestResetBehindFINThatIsHeld(t *testing.T) {
	p := joinPair(t, []Stage{holdingSteps(20 * time.Millisecond)}, nil, nil)
	src := descriptor(t, p.up.src.Conn)
	_, _ = io.WriteString(p.client, tenBytes)
	_ = p.client.CloseWrite()
	until(t, "FIN is read", func() bool { p.turn(); return p.up.StepsEnded() })
	closeByReset(p.client)
	until(t, "the reset is noted", func() bool {
		if got := p.up.NoteReset(src); got != WouldBlock {
			t.Fatalf("got progress %d with bytes held", got)
		}
		return p.up.src.wasReset()
	})
	p.wantProgress("the reset behind what is held", Resetting)
	p.wantBytes("what was held", p.server, tenBytes)
	p.wantHappened("client fin 10, client rst 10")
}

// What a destination does not take is given up when it makes no progress.
func TestResetOfADestinationThatTakesNothing(t *testing.T) {
	p := joinPair(t, nil, nil, func(c *Config) { c.Patience = &Timeouts{Progress: 20 * time.Millisecond} })
	dst := descriptor(t, p.up.dst.Conn)
	p.sendAside(string(make([]byte, 32<<20)))
	p.wantProgress("the destination is full", NeedRun)
	if p.up.stepReset(); p.up.ResetDue(dst) {
		t.Fatal("it may be reset with bytes on their way")
	}
	begin := time.Now()
	until(t, "it is given up", func() bool { return p.up.ResetDue(dst) })
	if took := time.Since(begin); took < 15*time.Millisecond {
		t.Errorf("given up after %v, want 20 ms without progress", took)
	}
}

// A unix socket that is closed with input unread is a reset, which a goroutine passes on.
func TestResetOfAUnixSocket(t *testing.T) {
	for name, stages := range map[string][]Stage{"plain": nil, "chain": {splitting()}} {
		t.Run(name, func(t *testing.T) {
			from, client := unixPair(t)
			p := joinPair(t, stages, nil, func(c *Config) { c.Source = NewSide(event.Client, from) })
			_, _ = io.WriteString(client, "bytes")
			_, _ = io.WriteString(from, "unread")
			p.turnUntil("the bytes are sent", func() bool { return p.up.SentBytes() == 5 })
			_ = client.Close()
			p.wantProgress("the reset", NeedRun)
			p.handOver()
			p.wantEnd("upstream", p.upEnd, Aborted)
			p.wantBytes("what came before the reset", p.server, "bytes")
			p.wantHappened("client rst 5")
		})
	}
}
