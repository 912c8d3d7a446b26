package proxy

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/toxics/hook"
)

// attached is a toxic that knows its link.
type attached struct {
	tp.NoopToxic
	make func(hook.Link) func(*tp.ToxicStub)
}

func (a *attached) Attach(w hook.Link) tp.Toxic { return pipeFunc(a.make(w)) }

var _ link.Attacher = (*attached)(nil)

// ending closes the stream after n bytes with the given end.
func ending(n int, end hook.EndMode) tp.Toxic {
	return &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		left := n
		return func(s *tp.ToxicStub) {
			for {
				select {
				case <-s.Interrupt:
					return
				case c := <-s.Input:
					if c == nil {
						s.Close()
						return
					}
					c.Data = c.Data[:min(left, len(c.Data))]
					left -= len(c.Data)
					s.Output <- c
					if left == 0 {
						w.Struck(int64(n), end.String())
						w.End(end)
						s.Close()
						return
					}
				}
			}
		}
	}}
}

func TestEndsThatAToxicAsksFor(t *testing.T) {
	t.Run("reset", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.Reset))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.Reset)
		wantEnding(t, server, "", event.Reset)
		e := r.wantEvent("struck", func(e event.Event) bool { return e.Kind == event.Struck })
		if e.Offset != 5 || e.Toxic != "it" || e.Direction != event.Downstream {
			t.Errorf("event %+v", e)
		}
	})
	t.Run("half_close", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.HalfClose))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.EOF)
		send(t, client, "still here")
		wantRead(t, server, "still here")
		send(t, server, "discarded")
		_ = client.CloseWrite()
		wantEnding(t, server, "", event.EOF)
		_ = server.Close()
		r.wantClosed()
	})
	t.Run("vanish", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.Vanish))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.EOF)
		r.wantClosed()
		send(t, client, "to nobody")
		awaitReset(t, client)
		wantEnding(t, server, "", event.EOF)
	})
	t.Run("shut", func(t *testing.T) {
		r := newRig(t, with(down("it", ending(5, hook.CloseBoth))))
		client, server := r.pair()
		send(t, server, "12345678")
		wantEnding(t, client, "12345", event.EOF)
		wantEnding(t, server, "", event.EOF)
		r.wantClosed()
	})
}

// A reset that a toxic asks for comes when the receiver has read everything.
func TestToxicResetWaitsForTheReceiver(t *testing.T) {
	r := newRig(t, with(down("it", ending(1000, hook.Reset))))
	client, server := r.pair()
	send(t, server, strings.Repeat("x", 2000))
	awaitInput(t, client, 1000)
	r.wantEvent("struck", func(e event.Event) bool { return e.Kind == event.Struck })
	send(t, client, "not reset yet")
	wantRead(t, server, "not reset yet")
	wantEnding(t, client, strings.Repeat("x", 1000), event.Reset)
}

// lockstep asks for a boundary behind every byte.
func lockstep() tp.Toxic {
	return &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		var sent int64
		return func(s *tp.ToxicStub) {
			for {
				select {
				case <-s.Interrupt:
					return
				case c := <-s.Input:
					if c == nil {
						s.Close()
						return
					}
					for range c.Data {
						sent++
						w.Boundary(sent)
					}
					s.Output <- c
				}
			}
		}
	}}
}

func TestBoundariesAreVerified(t *testing.T) {
	const n = 1000
	r := newRig(t, with(down("step", lockstep())))
	client, server := r.pair()
	data := noise(n)
	go func() {
		_, _ = server.Write(data)
		_ = server.CloseWrite()
	}()
	var got []byte
	reads := 0
	buf := make([]byte, 100)
	for {
		n, err := client.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		reads++
	}
	verified := 0
	for _, e := range r.log.AllEvents() {
		if e.Kind == event.BoundaryRead && e.Detail != "verified" {
			t.Errorf("event %+v", e)
		}
		if e.Kind == event.BoundaryRead && e.Detail == "verified" {
			verified++
		}
	}
	if reads != n || verified != n-1 || !bytes.Equal(got, data) {
		t.Errorf("%d reads, %d boundaries verified, %d bytes; want %d, %d, %d", reads, verified, len(got), n, n-1, n)
	}
}

func TestBoundaryThatNobodyReadsIsBounded(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Toxics = []Toxic{down("step", lockstep())}
		c.Patience.Boundary = 20 * time.Millisecond
	})
	client, server := r.pair()
	send(t, server, "abc")
	awaitInput(t, client, 3)
	e := r.wantEvent("deliver", func(e event.Event) bool { return e.Kind == event.BoundaryRead && e.Offset == 2 })
	if !strings.HasPrefix(e.Detail, "merged: ") {
		t.Errorf("detail %q", e.Detail)
	}
}

// A toxic learns that the source cannot send any more.
func TestSourceBlocked(t *testing.T) {
	held := make(chan int64, 1)
	r := newRig(t, with(down("stall", &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		return func(s *tp.ToxicStub) {
			n, err := w.SourceBlocked(w.Context())
			if err == nil {
				held <- n
			}
			new(tp.NoopToxic).Pipe(s)
		}
	}})))
	client, server := r.pair()
	data := noise(16 << 20)
	go func() { _, _ = server.Write(data) }()
	select {
	case n := <-held:
		if n < 100_000 {
			t.Errorf("the kernels hold %d bytes of a writer that is blocked", n)
		}
	case <-time.After(bound):
		t.Fatal("a blocked writer was not noticed")
	}
	got := make([]byte, len(data))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, data) {
		t.Error("the bytes differ", err)
	}
}

func TestHappened(t *testing.T) {
	r := newRig(t, with(down("cue", &attached{make: func(w hook.Link) func(*tp.ToxicStub) {
		return func(s *tp.ToxicStub) {
			select {
			case <-w.EventHappened(event.FIN):
			case <-s.Interrupt:
				return
			}
			new(tp.NoopToxic).Pipe(s)
		}
	}})))
	client, server := r.pair()
	send(t, server, "after the fin")
	_ = client.CloseWrite()
	wantRead(t, client, "after the fin")
}
