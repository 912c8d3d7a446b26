package link

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// unplugging passes one chunk on, unplugs the destination behind it, and replugs it when
// asked to.
func unplugging(unplugged chan<- error, replug <-chan struct{}) []Stage {
	return attachedStage(func(l hook.Link, s *tp.ToxicStub) {
		select {
		case c := <-s.Input:
			s.Output <- c
			_, err := l.(hook.Unplugger).Unplug(l.Context(), int64(len(c.Data)))
			unplugged <- err
		case <-s.Interrupt:
			return
		}
		select {
		case <-replug:
			l.(hook.Unplugger).Replug()
		case <-s.Interrupt:
			return
		}
		new(tp.NoopToxic).Pipe(s)
	})
}

// What a peer sends while it is unplugged stays with its kernel, and arrives in order when
// it is replugged. What was sent before has arrived.
func TestUnplugKeepsWhatThePeerSends(t *testing.T) {
	unplugged, replug := make(chan error, 1), make(chan struct{})
	p := newPair(t, unplugging(unplugged, replug), nil, nil)
	_, _ = io.WriteString(p.client, "bytes")
	if err := <-unplugged; err != nil {
		t.Fatal(err)
	}
	if n, err := sock.InQueue(p.server); n != 5 || err != nil || p.up.dst.unackedBytes() != 0 {
		t.Errorf("the peer has %d bytes, %v, and %d are not acknowledged, want 5 and 0", n, err, p.up.dst.unackedBytes())
	}
	if !p.up.Dest().IsUnplugged() || p.up.src.IsUnplugged() {
		t.Error("not the destination is unplugged")
	}
	_, _ = io.WriteString(p.server, "one")
	_, _ = io.WriteString(p.server, "two")
	if n, err := sock.OutQueue(p.server); n != 6 || err != nil || p.down.HasUnread() {
		t.Errorf("%d bytes are not acknowledged, %v, want 6", n, err)
	}
	if n := p.down.ReceivedBytes(); n != 0 {
		t.Errorf("%d bytes have arrived at an unplugged socket", n)
	}
	close(replug)
	p.wantBytes("what was sent meanwhile", p.client, "onetwo")
	if p.up.Dest().IsUnplugged() {
		t.Error("still unplugged")
	}
	_, _ = io.WriteString(p.client, "more")
	p.wantBytes("what comes behind", p.server, "bytesmore")
}

// A destination is unplugged only when it has what came before.
func TestUnplugAwaitsWhatComesBefore(t *testing.T) {
	p := joinPair(t, nil, nil, func(c *Config) { c.Patience = &Timeouts{Consume: bound} })
	toxic := &toxicContext{link: p.up, toxic: "unplug", startOffset: 2}
	over, cancel := context.WithCancel(t.Context())
	how := make(chan error, 1)
	go func() {
		_, err := toxic.Unplug(t.Context(), 3)
		how <- err
	}()
	_, _ = io.WriteString(p.client, "four")
	p.stepTo(4)
	if p.up.Dest().IsUnplugged() {
		t.Error("unplugged at byte 4, want at byte 5")
	}
	_, _ = io.WriteString(p.client, "!")
	p.stepTo(5)
	if err := <-how; err != nil || !p.up.Dest().IsUnplugged() {
		t.Errorf("unplug: %v", err)
	}
	toxic.Replug()
	cancel()
	if _, err := toxic.Unplug(over, 10); !errors.Is(err, context.Canceled) || p.up.Dest().IsUnplugged() {
		t.Errorf("got %v for a connection that is over, want that it is canceled", err)
	}
	p.up.cfg.Patience.Consume = 5 * time.Millisecond
	if _, err := toxic.Unplug(t.Context(), 10); err != nil || !p.up.Dest().IsUnplugged() {
		t.Errorf("unplug without progress: %v", err)
	}
}

// A unix socket cannot be unplugged, and a toxic says so.
func TestUnplugOfAUnixSocket(t *testing.T) {
	to, _ := unixPair(t)
	p := joinPair(t, nil, nil, func(c *Config) { c.Dest = NewSide(event.Server, to) })
	toxic := &toxicContext{link: p.up, toxic: "unplug", startOffset: 2}
	if how, err := toxic.Unplug(t.Context(), 0); !errors.Is(err, sock.ErrUnsupported) || p.up.Dest().IsUnplugged() {
		t.Errorf("got %q, %v, want unsupported", how, err)
	}
	toxic.CannotStrike(3, "no cable")
	p.wantEvent("why", func(e event.Event) bool {
		return e.Kind == event.CannotStrike && e.Toxic == "unplug" && e.Offset == 5 && e.Detail == "no cable"
	})
}

// An unplugged side is closed without a word where that is permitted; others stay open.
func TestCloseUnplugged(t *testing.T) {
	own, peer := tcpPair(t)
	side := NewSide(event.Server, own)
	side.CloseUnplugged()
	_, _ = io.WriteString(own, "open")
	got := make([]byte, 4)
	if _, err := io.ReadFull(peer, got); err != nil {
		t.Fatalf("a side that is not unplugged: %v", err)
	}
	if _, err := side.unplug(); err != nil {
		t.Fatal(err)
	}
	side.CloseUnplugged()
	if _, err := own.Write(got); !errors.Is(err, net.ErrClosed) {
		t.Errorf("wrote after the close: %v", err)
	}
	want := sock.Close // by a reset
	if os.Geteuid() == 0 {
		want = sock.Established
	}
	until(t, "the peer's state", func() bool { info, err := sock.TCPInfo(peer); return err == nil && info.State == want })
}
