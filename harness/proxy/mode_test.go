package proxy

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

func (r *rig) mode(m Mode) {
	r.t.Helper()
	if err := r.proxy.SetMode(m); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) wantRefused() {
	r.t.Helper()
	_, err := tryDial(r.proxy.Addr().String())
	if endingFor(err) != event.Refused {
		r.t.Errorf("connect: %v, want refused", err)
	}
}

func TestRefuseAndAcceptAgain(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	for range 20 {
		r.mode(Refuse)
		r.wantRefused()
		r.mode(Accept)
		c, s := r.pair()
		send(t, c, "x")
		wantRead(t, s, "x")
	}
	send(t, client, "alive")
	wantRead(t, server, "alive")
}

func TestStartRefusing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Mode = Refuse })
	r.wantRefused()
}

func TestBlackHole(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	r.mode(BlackHole)
	d := net.Dialer{Timeout: 50 * time.Millisecond}
	d.SetMultipathTCP(false)
	_, err := d.Dial("tcp", r.proxy.Addr().String())
	if endingFor(err) != event.Timeout {
		t.Errorf("connect: %v, want a timeout", err)
	}
	send(t, client, "alive")
	wantRead(t, server, "alive")
	r.mode(Accept)
	c, s := r.pair()
	send(t, c, "x")
	wantRead(t, s, "x")
}

func TestUpstreamDown(t *testing.T) {
	for name, test := range map[string]struct {
		down UpstreamFailure
		want event.Ending
	}{"close": {FailClose, event.EOF}, "reset": {FailReset, event.Reset}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.UpstreamDown = test.down })
			_ = r.listener.Close()
			client, err := tryDial(r.proxy.Addr().String())
			if err != nil {
				// A reset can be quicker than the connect that it follows.
				if got := endingFor(err); got != test.want {
					t.Errorf("connect: %s, want %s", got, test.want)
				}
				return
			}
			defer func() { _ = client.Close() }()
			// A write that a reset has overtaken takes the error, and a read then sees an end.
			if _, err := client.Write([]byte("unread")); err == nil || endingFor(err) != test.want {
				wantEnding(t, client, "", test.want)
			}
			r.wantClosed()
		})
	}
}

func TestUpstreamDownIsMirrored(t *testing.T) {
	r := newRig(t, func(c *Config) { c.UpstreamDown = FailRefuse })
	client, server := r.pair()
	addr := r.listener.Addr().String()
	for range 3 {
		_ = r.listener.Close()
		until(t, "connects are refused", func() bool {
			c, err := tryDial(r.proxy.Addr().String())
			if err == nil {
				_ = c.Close()
			}
			return endingFor(err) == event.Refused
		})
		r.wantRefused()
		var lc net.ListenConfig
		lc.SetMultipathTCP(false)
		l, err := lc.Listen(context.Background(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		r.listener = l.(*net.TCPListener)
		until(t, "connects succeed", func() bool {
			c, err := tryDial(r.proxy.Addr().String())
			if err != nil {
				return false
			}
			defer func() { _ = c.Close() }()
			send(t, c, "x")
			// A connection from before may be dialled as late as now; it has ended.
			for {
				if n, _ := r.accept().Read(make([]byte, 1)); n == 1 {
					return true
				}
			}
		})
	}
	send(t, client, "alive")
	wantRead(t, server, "alive")
	_ = r.listener.Close()
}

// One upstream that does not answer holds nobody else, and Close does not wait
// for it.
func TestSlowDialHoldsNobody(t *testing.T) {
	hole, err := New(Config{Name: "hole", Listen: "127.0.0.1:0", Mode: BlackHole})
	if err != nil {
		t.Fatal(err)
	}
	if err := hole.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hole.Close() }()
	r := newRig(t, func(c *Config) { c.Upstream = hole.Addr().String() })
	stuck := dial(t, r.proxy.Addr().String())
	r.wantEvent("accept", func(e event.Event) bool { return e.Kind == event.Accept })
	r.proxy.SetUpstream(r.listener.Addr().String())
	client, server := r.pair()
	send(t, client, "quick")
	wantRead(t, server, "quick")
	_ = r.proxy.Close()
	wantEnding(t, stuck, "", event.EOF)
}

func TestDialTimeout(t *testing.T) {
	hole, err := New(Config{Name: "hole", Listen: "127.0.0.1:0", Mode: BlackHole})
	if err != nil {
		t.Fatal(err)
	}
	if err := hole.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hole.Close() }()
	r := newRig(t, func(c *Config) { c.Upstream, c.DialTimeout = hole.Addr().String(), 20*time.Millisecond })
	wantEnding(t, dial(t, r.proxy.Addr().String()), "", event.EOF)
}

func TestMistakesAreReported(t *testing.T) {
	ctx := context.Background()
	if _, err := New(Config{Network: "carrier-pigeon"}); err == nil || !strings.Contains(err.Error(), "pigeon") {
		t.Errorf("error %v", err)
	}
	if _, err := New(Config{Toxics: []Toxic{{Name: "x"}}}); err == nil {
		t.Error("a toxic without code was accepted")
	}
	p, err := New(Config{Name: "p", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx); err == nil {
		t.Error("started twice")
	}
	other, err := New(Config{Name: "other", Listen: p.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(ctx); err == nil {
		t.Error("two proxies on one port")
	}
	_ = other.Close()
	other.WaitClosed()
	if err := p.SetMode(Mode(9)); err == nil {
		t.Error("mode 9 was accepted")
	}
	_ = p.Close()
	p.WaitClosed()
	if err := p.SetMode(Refuse); !errors.Is(err, net.ErrClosed) {
		t.Errorf("mode of a closed proxy: %v", err)
	}
	never, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	_ = never.Close()
	if err := never.Start(ctx); err == nil {
		t.Error("started after Close")
	}
}

// The context is of the start: a proxy that was started in a BeforeEach outlives it.
func TestContextOfStartIsOfTheStartAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	upstream := listen(t)
	p, err := New(Config{Name: "p", Listen: "127.0.0.1:0", Upstream: upstream.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	c := dial(t, p.Addr().String())
	send(t, c, "after")
	s, err := upstream.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	wantRead(t, s, "after")
	_ = p.Close()
	p.WaitClosed()
	late, err := New(Config{Name: "late", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := late.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	late.WaitClosed()
}

func TestResetOfTheConnectPasses(t *testing.T) {
	r := newRig(t, nil)
	for range 50 {
		client, err := tryDial(r.proxy.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		reset(t, r.accept())
		wantEnding(t, client, "", event.Reset)
		_ = client.Close()
	}
}
