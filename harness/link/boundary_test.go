package link

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// What nobody reads is held by two kernels, and a toxic is told how much.
func TestSourceBlocked(t *testing.T) {
	held := make(chan int64, 1)
	p := newPair(t, attachedStage(func(l hook.Link, s *tp.ToxicStub) {
		n, err := l.SourceBlocked(l.Context())
		if err != nil && !errors.Is(err, sock.ErrUnsupported) {
			t.Errorf("source blocked: %v", err)
		}
		held <- n
		<-s.Interrupt
	}), nil, nil)
	if p.up.cfg.Diag == nil {
		t.Skip("this system has no sock_diag")
	}
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		_, _ = p.client.Write(make([]byte, 64<<20))
	}()
	if n := <-held; n <= 0 {
		t.Errorf("the kernels hold %d bytes, want some", n)
	}
	_ = p.client.SetLinger(0)
	_ = p.client.Close()
	<-sending
}

// A boundary is verified where the kernel tells that the receiver has read.
func TestBoundaryIsVerified(t *testing.T) {
	p := newPair(t, attachedStage(func(l hook.Link, s *tp.ToxicStub) {
		l.Boundary(3)
		new(tp.NoopToxic).Pipe(s)
	}), nil, func(c *Config) { c.Patience = &Timeouts{Toxic: time.Second, Boundary: bound} })
	if p.up.cfg.Diag == nil {
		t.Skip("this system has no sock_diag")
	}
	_, _ = io.WriteString(p.client, "onetwo")
	p.wantBytes("up to the boundary", p.server, "one")
	p.wantEvent("the boundary was verified", func(e event.Event) bool {
		return e.Kind == event.BoundaryRead && e.Offset == 3 && e.Detail == "verified"
	})
	p.wantBytes("behind the boundary", p.server, "two")
}

// Without the kernel's word a gap is waited for, and the event says so; where the
// receiver does not read in time, the pieces are sent as one.
func TestBoundaryIsNotVerified(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"unknown": {func(c *Config) { c.Diag = nil }, "unverified: " + sock.ErrUnsupported.Error() + "; sent after 1ms"},
		"unread":  {func(*Config) {}, "merged: the receiver did not read the bytes before it within 5ms"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, attachedStage(func(l hook.Link, s *tp.ToxicStub) {
				l.Boundary(3)
				new(tp.NoopToxic).Pipe(s)
			}), nil, func(c *Config) {
				test.change(c)
				c.Patience = &Timeouts{Toxic: time.Second, Gap: time.Millisecond, Boundary: 5 * time.Millisecond}
			})
			if p.down.cfg.Diag == nil {
				t.Skip("this system has no sock_diag")
			}
			_, _ = io.WriteString(p.client, "onetwo")
			got := p.wantEvent("the boundary", func(e event.Event) bool { return e.Kind == event.BoundaryRead })
			if got.Detail != test.want {
				t.Errorf("got %q, want %q", got.Detail, test.want)
			}
			p.wantBytes("all arrives", p.server, "onetwo")
		})
	}
}

// What ends with the connection says nothing about whether the pieces came as one.
func TestBoundaryOfAConnectionThatIsOver(t *testing.T) {
	p := newPair(t, nil, nil, nil)
	if p.down.cfg.Diag == nil {
		t.Skip("this system has no sock_diag")
	}
	_, _ = io.WriteString(p.client, "not read")
	p.wantEvent("the bytes are on their way", func(e event.Event) bool { return e.Kind == event.Bytes })
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if got, want := p.up.awaitRead(over), "unverified: the connection was over before the receiver had read the bytes before it"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
