package link

import (
	"io"
	"net"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// descriptor returns the number of a socket, for a caller of steps.
func descriptor(t *testing.T, conn Conn) (fd int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(n uintptr) { fd = int(n) }); err != nil {
		t.Fatal(err)
	}
	return fd
}

// stepUntil steps the upstream link until it says what is wanted, without blocking.
func (p *pair) stepUntil(why string, buf []byte, want Progress) {
	p.t.Helper()
	src, dst := descriptor(p.t, p.up.src.Conn), descriptor(p.t, p.up.dst.Conn)
	var got Progress
	until(p.t, why, func() bool {
		got = p.up.StepOnce(src, dst, buf, false)
		return got != WouldBlock
	})
	if got != want {
		p.t.Fatalf("%s: got progress %d, want %d", why, got, want)
	}
}

// stepTo steps until that many bytes were sent.
func (p *pair) stepTo(sent int64) {
	p.t.Helper()
	src, dst := descriptor(p.t, p.up.src.Conn), descriptor(p.t, p.up.dst.Conn)
	until(p.t, "the bytes are sent", func() bool {
		if got := p.up.StepOnce(src, dst, make([]byte, 64), true); got != WouldBlock {
			p.t.Fatalf("got progress %d with bytes left, want that it would block", got)
		}
		return p.up.SentBytes() == sent
	})
}

func TestStepsCarryAStreamToItsEnd(t *testing.T) {
	p := joinPair(t, nil, nil, nil)
	_, _ = io.WriteString(p.client, "bytes")
	p.stepTo(5)
	p.wantBytes("what the step carried", p.server, "bytes")
	_, _ = io.WriteString(p.client, "four")
	p.stepUntil("a full buffer may leave some", make([]byte, 2), More)
	p.stepTo(9)
	if p.up.StepsEnded() {
		t.Error("the steps have ended before the stream")
	}
	_ = p.client.CloseWrite()
	p.stepUntil("the end is passed on", make([]byte, 64), Finished)
	if got, err := io.ReadAll(p.server); string(got) != "four" || err != nil || !p.up.StepsEnded() {
		t.Errorf("the server read %q, %v, want the rest and FIN", got, err)
	}
	p.wantEvent("FIN of the client at byte 9", func(e event.Event) bool { return e.Kind == event.FIN && e.Offset == 9 })
}

// A toxic that is no delay is for a goroutine, which goes on where the last step has
// ended. So may it after a reset.
func TestStepsHandOver(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*pair)
		step   Progress
		want   Outcome
	}{
		"toxic": {func(p *pair) {
			p.up.UpdateChain([]Stage{{Name: "limit", Toxic: &tp.LimitDataToxic{Bytes: 3}}})
			_, _ = io.WriteString(p.client, "more")
		}, NeedRun, Close},
		"reset": {func(p *pair) { closeByReset(p.client) }, Resetting, Aborted},
	} {
		t.Run(name, func(t *testing.T) {
			p := joinPair(t, nil, nil, nil)
			_, _ = io.WriteString(p.client, "bytes")
			p.stepTo(5)
			test.change(p)
			p.stepUntil("a step says what to do", make([]byte, 64), test.step)
			if got := p.up.RunStream(t.Context()); got != test.want {
				t.Errorf("got outcome %s, want %s", got, test.want)
			}
			p.up.WaitGoroutines()
			p.wantBytes("what the step carried", p.server, "bytes")
		})
	}
}

// A write that finds its destination reset takes the error that a read would have had.
// What that peer has sent before is passed on nevertheless, and then the reset.
func TestStepAfterAWriteToAReset(t *testing.T) {
	p := joinPair(t, nil, nil, nil)
	client, server := descriptor(t, p.up.src.Conn), descriptor(t, p.up.dst.Conn)
	_, _ = io.WriteString(p.client, "bytes")
	until(t, "the bytes are there", func() bool { n, err := sock.InQueue(p.up.src.Conn); return n == 5 && err == nil })
	closeByReset(p.client)
	until(t, "the client is gone", func() bool { info, err := sock.TCPInfo(p.up.src.Conn); return info.State == sock.Close && err == nil })
	_, _ = io.WriteString(p.server, "answer")
	until(t, "the write has failed", func() bool {
		return p.down.StepOnce(server, client, make([]byte, 64), false) == NeedRun
	})
	if !p.down.IsBroken() {
		t.Error("the link does not know that its destination is gone")
	}
	if got := p.up.StepBroken(client, server, make([]byte, 64)); got != Resetting {
		t.Errorf("got progress %d, want %d", got, Resetting)
	}
	until(t, "it may be reset", func() bool { return p.up.ResetDue(server) })
	p.wantBytes("what was sent before", p.server, "bytes")
}

func closeByReset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

// What is to be delayed is held, and the end of the stream behind it.
func TestStepsHoldWhatIsDelayed(t *testing.T) {
	stage, _ := holding(30)
	p := joinPair(t, []Stage{stage}, nil, nil)
	if _, held := p.up.NextDue(); held {
		t.Error("something is held before the first byte")
	}
	_, _ = io.WriteString(p.client, "bytes")
	src, dst := descriptor(t, p.up.src.Conn), descriptor(t, p.up.dst.Conn)
	sent := time.Now()
	until(t, "the bytes are held", func() bool {
		p.up.StepOnce(src, dst, make([]byte, 64), false)
		return p.up.ReceivedBytes() == 5
	})
	due, held := p.up.NextDue()
	if !held || due.Before(sent.Add(30*time.Millisecond)) {
		t.Errorf("due %v after the send, want 30 ms or more", due.Sub(sent))
	}
	_ = p.client.CloseWrite()
	until(t, "the end is read", func() bool {
		p.up.StepOnce(src, dst, make([]byte, 64), false)
		return p.up.StepsEnded()
	})
	until(t, "all is released", func() bool { return p.up.ReleaseDue(dst) == Finished })
	if time.Now().Before(due) {
		t.Error("released before it was due")
	}
	if got, err := io.ReadAll(p.server); string(got) != "bytes" || err != nil {
		t.Errorf("the server read %q, %v, want the bytes and FIN", got, err)
	}
}
