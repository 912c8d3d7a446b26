package link

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A reset waits for the receiver, who reads first what came before it.
func TestStepChainResetsAReceiverThatHasRead(t *testing.T) {
	p := joinPair(t, []Stage{cutting(5, hook.Reset, false)}, nil, func(c *Config) { c.Patience = &Timeouts{Consume: bound} })
	p.needDiag()
	_, _ = io.WriteString(p.client, tenBytes)
	p.turnUntil("the bytes are sent", func() bool { return p.up.SentBytes() == 5 })
	for range 30 {
		if got := p.turn(); got != WouldBlock {
			t.Fatalf("got progress %d with bytes unread, want that it waits", got)
		}
	}
	if _, held := p.up.NextDue(); !held {
		t.Error("nothing is due while the receiver is awaited")
	}
	p.wantHappened("proxy struck 5")
	p.wantBytes("what came before the reset", p.server, "01234")
	p.wantProgress("all is read", Aborting)
	p.wantHappened("proxy struck 5, proxy rst 5")
}

// A receiver that does not read is reset all the same: after a while, or at once where
// nobody can tell what it has read.
func TestStepChainResetsAReceiverThatDoesNotRead(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"late":    func(c *Config) { c.Patience = &Timeouts{Consume: time.Millisecond} },
		"unknown": func(c *Config) { c.Diag, c.Patience = nil, &Timeouts{Consume: bound} },
	} {
		t.Run(name, func(t *testing.T) {
			p := joinPair(t, []Stage{cutting(5, hook.Reset, false)}, nil, change)
			_, _ = io.WriteString(p.client, tenBytes)
			p.wantProgress("the cut", Aborting)
			if n, err := sock.InQueue(p.server); n != 5 || err != nil {
				t.Errorf("the receiver has %d bytes to read, %v, want 5", n, err)
			}
			p.wantHappened("proxy struck 5, proxy rst 5")
		})
	}
}

// What is behind a boundary, bytes or an end, leaves when all before it was read.
func TestStepChainAwaitsTheReaderAtABoundary(t *testing.T) {
	p := joinPair(t, []Stage{splitting(0, 3), cutting(6, hook.HalfClose, true)}, nil,
		func(c *Config) { c.Patience = &Timeouts{Boundary: bound} })
	p.needDiag()
	_, _ = io.WriteString(p.client, "onetwothree")
	p.turnUntil("the first piece is sent", func() bool { return p.up.SentBytes() == 3 })
	for range 30 {
		if got := p.turn(); got != WouldBlock || p.up.SentBytes() != 3 {
			t.Fatalf("got progress %d and %d bytes sent with 3 unread", got, p.up.SentBytes())
		}
	}
	p.wantBytes("up to the boundary", p.server, "one")
	p.turnUntil("the second piece is sent", func() bool { return p.up.SentBytes() == 6 })
	for range 30 {
		if got := p.turn(); got != WouldBlock || p.up.FINSent() {
			t.Fatalf("got progress %d and FIN %v with 3 bytes unread", got, p.up.FINSent())
		}
	}
	p.wantBytes("up to the end", p.server, "two")
	p.wantProgress("the end", Finished)
	p.wantRest("behind the end", "")
	for _, e := range p.log.AllEvents() {
		if e.Kind == event.BoundaryRead && e.Detail != "verified" {
			t.Errorf("boundary %d: %s", e.Offset, e.Detail)
		}
	}
}

// A boundary that nobody can verify says so.
func TestStepChainSaysWhyABoundaryIsNotVerified(t *testing.T) {
	for name, test := range map[string]struct {
		stage  Stage
		change func(*Config)
		want   string
	}{
		"unknown": {splitting(3), func(c *Config) { c.Diag = nil }, "unverified: " + sock.ErrUnsupported.Error() + "; sent after 2ms"},
		"unread":  {splitting(3), func(*Config) {}, "merged: the receiver did not read the bytes before it within 5ms"},
		"missed": {passing(func(l hook.Link, at int64) {
			if at > 0 {
				l.Boundary(1)
			}
		}), func(*Config) {}, boundaryMissed},
	} {
		t.Run(name, func(t *testing.T) {
			p := joinPair(t, []Stage{test.stage}, nil, func(c *Config) {
				test.change(c)
				c.Patience = &Timeouts{Gap: 2 * time.Millisecond, Boundary: 5 * time.Millisecond}
			})
			if name == "unread" {
				p.needDiag()
			}
			for sent, piece := range []string{"onetwo", "three"} {
				_, _ = io.WriteString(p.client, piece)
				p.turnUntil("all is sent", func() bool { return p.up.SentBytes() == int64(6+5*sent) })
			}
			p.wantBytes("all arrives", p.server, "onetwothree")
			e := p.wantEvent("the boundary", func(e event.Event) bool { return e.Kind == event.BoundaryRead })
			if e.Detail != test.want || e.Side != event.Server {
				t.Errorf("got %q of the %s, want %q of the server", e.Detail, e.Side, test.want)
			}
		})
	}
}

// A unix socket tells whether it is empty, and no more.
func TestStepChainToAUnixSocket(t *testing.T) {
	to, server := unixPair(t)
	p := joinPair(t, []Stage{splitting(3)}, nil, func(c *Config) {
		c.Dest, c.Patience = NewSide(event.Server, to), &Timeouts{Boundary: bound}
	})
	_, _ = io.WriteString(p.client, "onetwo")
	p.turnUntil("the first piece is sent", func() bool { return p.up.SentBytes() == 3 })
	for range 30 {
		if p.turn(); p.up.SentBytes() != 3 {
			t.Fatalf("%d bytes were sent with 3 unread", p.up.SentBytes())
		}
	}
	got := make([]byte, 6)
	if n, err := server.Read(got); n != 3 || err != nil {
		t.Errorf("read %q, %v, want one", got[:n], err)
	}
	p.turnUntil("the second piece is sent", func() bool { return p.up.SentBytes() == 6 })
	e := p.wantEvent("the boundary", func(e event.Event) bool { return e.Kind == event.BoundaryRead })
	if !strings.HasPrefix(e.Detail, "unverified: the unix socket is empty") {
		t.Errorf("got %q", e.Detail)
	}
}
