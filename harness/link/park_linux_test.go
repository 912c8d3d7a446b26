package link

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// park stops both links where they are, for steps. A link that is in the middle of
// something refuses, and is asked again.
func (p *pair) park() {
	p.t.Helper()
	p.parkLink(p.up, p.upEnd)
	p.parkLink(p.down, p.downEnd)
}

func (p *pair) parkLink(l *Link, end <-chan Outcome) {
	p.t.Helper()
	until(p.t, "the link has stopped", func() bool {
		refused := make(chan struct{})
		l.Park(func() { close(refused) })
		select {
		case o := <-end:
			if o != Parked {
				p.t.Fatalf("got outcome %s, want %s", o, Parked)
			}
			return true
		case <-refused:
			return false
		}
	})
}

// wantRefused asks the upstream link to stop, which goes on instead.
func (p *pair) wantRefused() {
	p.t.Helper()
	refused := make(chan struct{})
	p.up.Park(func() { close(refused) })
	select {
	case <-refused:
	case o := <-p.upEnd:
		p.t.Fatalf("the upstream link ended with %s, want that it goes on", o)
	case <-time.After(bound):
		p.t.Fatal("no answer")
	}
}

// Steps go on where goroutines have stopped, and goroutines where steps have.
func TestParkOfAPlainStream(t *testing.T) {
	p := newPair(t, nil, nil, nil)
	_, _ = io.WriteString(p.client, "one")
	p.wantBytes("by a goroutine", p.server, "one")
	p.park()
	_, _ = io.WriteString(p.client, "two")
	p.stepTo(6)
	p.wantBytes("by a step", p.server, "two")
	p.handOver()
	_, _ = io.WriteString(p.client, "three")
	p.wantBytes("by a goroutine again", p.server, "three")
	p.parkLink(p.up, p.upEnd)
	_ = p.client.CloseWrite()
	p.wantProgress("FIN", Finished)
	p.wantHappened("client fin 11")
}

// Toxics keep where they are in the stream.
func TestParkOfAChain(t *testing.T) {
	p := newPair(t, []Stage{splitting(), cutting(8, hook.CloseBoth, false)}, nil, nil)
	_, _ = io.WriteString(p.client, "01234")
	p.wantBytes("by goroutines", p.server, "01234")
	p.park()
	if !p.up.HasChain() || !p.up.CanStep() {
		t.Fatal("the chain is lost")
	}
	_, _ = io.WriteString(p.client, "56789")
	p.wantProgress("the cut", Closing)
	p.wantBytes("by steps", p.server, "567")
	p.wantHappened("proxy struck 8, proxy fin 8")
}

// What waits in a chain is steps' to send, in order.
func TestParkKeepsWhatWaits(t *testing.T) {
	p := newPair(t, []Stage{splitting(), holdingSteps(50 * time.Millisecond)}, nil, nil)
	for i, piece := range []string{"one", "two", "six"} {
		_, _ = io.WriteString(p.client, piece)
		until(t, "the piece is read", func() bool { return p.up.ReceivedBytes() == int64(3*i+3) })
	}
	p.park()
	_, _ = io.WriteString(p.client, "ten")
	_ = p.client.CloseWrite()
	p.wantProgress("FIN", Finished)
	p.wantRest("all in order", "onetwosixten")
}

// A delay that the kernel carries leaves what it holds to steps, if that is little.
func TestParkOfADelay(t *testing.T) {
	stage, _ := holding(50)
	p := newPair(t, []Stage{stage}, nil, nil)
	sent := time.Now()
	_, _ = io.WriteString(p.client, "bytes")
	until(t, "the bytes are read", func() bool { return p.up.ReceivedBytes() == 5 })
	p.park()
	if at, held := p.up.NextDue(); p.up.SentBytes() == 0 && (!held || at.Before(sent.Add(50*time.Millisecond))) {
		t.Errorf("due %v after the send, held: %v", at.Sub(sent), held)
	}
	_ = p.client.CloseWrite()
	p.wantProgress("FIN behind what is held", Finished)
	if took := time.Since(sent); took < 50*time.Millisecond {
		t.Errorf("held for %v only", took)
	}
	p.wantRest("what was held", "bytes")
}

// Steps hold what a goroutine goes on to hold.
func TestDelayIsHandedOver(t *testing.T) {
	for name, ends := range map[string]bool{"open": false, "ended": true} {
		t.Run(name, func(t *testing.T) {
			stage, asked := holding(50)
			p := joinPair(t, []Stage{stage}, nil, nil)
			sent := time.Now()
			_, _ = io.WriteString(p.client, "bytes")
			p.turnUntil("the bytes are read", func() bool { return p.up.ReceivedBytes() == 5 })
			if ends {
				_ = p.client.CloseWrite()
				until(t, "FIN is read", func() bool { p.turn(); return p.up.StepsEnded() })
			}
			p.handOver()
			p.wantBytes("what was held", p.server, "bytes")
			if took := time.Since(sent); took < 50*time.Millisecond {
				t.Errorf("held for %v only", took)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("asked for %d delays, want 1", n)
			}
			closeByReset(p.client)
			p.wantEnd("upstream", p.upEnd, Aborted)
		})
	}
}

// A delay that holds much is not for steps.
func TestParkIsRefusedByADelayThatHoldsMuch(t *testing.T) {
	stage, _ := holding(3_600_000)
	p := newPair(t, []Stage{stage}, nil, nil)
	_, _ = p.client.Write(make([]byte, stepLimit))
	until(t, "the bytes are read", func() bool { return p.up.ReceivedBytes() == stepLimit })
	p.wantRefused()
	if p.up.MayStep() {
		t.Error("steps may carry what is no stepping toxic")
	}
}

// A chain with a toxic that needs a goroutine goes on.
func TestParkIsRefusedByAToxic(t *testing.T) {
	p := newPair(t, withNoop(splitting()), nil, nil)
	_, _ = io.WriteString(p.client, "one")
	p.wantBytes("before", p.server, "one")
	if p.up.MayStep() {
		t.Error("steps may carry it through a toxic that cannot step")
	}
	p.wantRefused()
	_, _ = io.WriteString(p.client, "two")
	p.wantBytes("after", p.server, "two")
}

// So does one whose end is under way.
func TestParkIsRefusedBehindTheEnd(t *testing.T) {
	p := newPair(t, []Stage{holdingTheEnd()}, nil, nil)
	_, _ = io.WriteString(p.client, "one")
	_ = p.client.CloseWrite()
	until(t, "the end is read", func() bool { return p.up.src.PeerEnding() == event.EOF })
	if p.up.MayStep() {
		t.Error("steps may carry a stream that has ended")
	}
	p.wantRefused()
	p.up.UpdateChain(withNoop())
	p.wantRest("after the end is released", "one")
}

// A chain whose writer is busy cannot stop: it goes on with all that waits.
func TestParkIsRefusedByABusyWriter(t *testing.T) {
	p := newPair(t, []Stage{splitting(), holdingSteps(time.Microsecond)}, nil, nil)
	data := strings.Repeat(tenBytes, 1_600_000)
	p.sendAside(data)
	var last int64
	still := 0
	until(t, "the destination is full", func() bool {
		now := p.up.SentBytes()
		if still++; now != last || now == 0 || !p.up.inWrite.Load() {
			last, still = now, 0
		}
		return still > 20
	})
	p.wantRefused()
	p.wantBytes("all in order", p.server, data)
}
