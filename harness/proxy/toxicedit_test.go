package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
)

// An edit returns although the destination takes nothing, and is in force.
func TestEditWhileTheReaderIsStalled(t *testing.T) {
	data := noise(24 << 20)
	for _, first := range []string{"none", "noop", "latency", "slicer", "bandwidth"} {
		t.Run(first, func(t *testing.T) {
			r := newRig(t, with(chainOf(first)...))
			client, server := r.pair()
			sent := make(chan error, 1)
			go func() {
				_, err := server.Write(data)
				_ = server.CloseWrite()
				sent <- err
			}()
			awaitStill(t, r)
			for i := range 20 {
				r.set(chainOf([]string{"slicer", "none", "latency", "bandwidth", "noop"}[i%5])...)
			}
			r.set(chainOf("noop")...)
			until(t, "the edit is in force", func() bool {
				return strings.Join(r.proxy.OpenConnections()[0].Toxics[event.Downstream], ",") == "noop"
			})
			got, ending := endingOf(client)
			if err := <-sent; err != nil || ending != event.EOF || !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, %s, %v, want %d and eof", len(got), ending, err, len(data))
			}
		})
	}
}

func chainOf(name string) []Toxic {
	switch name {
	case "noop":
		return []Toxic{down("noop", &tp.NoopToxic{})}
	case "latency":
		return []Toxic{down("latency", &tp.LatencyToxic{Latency: 1})}
	case "slicer":
		return []Toxic{down("slicer", &tp.SlicerToxic{AverageSize: 9000, SizeVariation: 3000})}
	case "bandwidth":
		return []Toxic{down("bandwidth", &tp.BandwidthToxic{Rate: 1_000_000})}
	}
	return nil
}

// Every byte read after SetToxics has returned goes through the new chain.
func TestEditIsInForceWhenItReturns(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	for i := range 200 {
		mark := byte(i)
		r.set(down(fmt.Sprint("mark", i%3), pipeFunc(func(s *tp.ToxicStub) {
			for {
				select {
				case <-s.Interrupt:
					return
				case c := <-s.Input:
					if c == nil {
						s.Close()
						return
					}
					for i := range c.Data {
						c.Data[i] = mark
					}
					s.Output <- c
				}
			}
		})))
		send(t, server, "?")
		wantRead(t, client, string([]byte{mark}))
		if i%4 == 0 {
			r.set()
			send(t, server, "plain")
			wantRead(t, client, "plain")
		}
	}
}

// An update keeps the state of a toxic, and nobody but the changed one is
// interrupted.
func TestUpdateKeepsState(t *testing.T) {
	var pipes atomic.Int32
	other := down("other", pipeFunc(func(s *tp.ToxicStub) {
		pipes.Add(1)
		new(tp.NoopToxic).Pipe(s)
	}))
	r := newRig(t, with(other, down("limit", &tp.LimitDataToxic{Bytes: 120})))
	client, server := r.pair()
	send(t, server, strings.Repeat("a", 50))
	wantRead(t, client, strings.Repeat("a", 50))
	r.set(other, down("limit", &tp.LimitDataToxic{Bytes: 60}))
	send(t, server, strings.Repeat("b", 50))
	wantEnding(t, client, strings.Repeat("b", 10), event.EOF)
	if n := pipes.Load(); n != 1 {
		t.Errorf("the toxic that did not change was started %d times", n)
	}
}

func TestToxicityIsDecidedOncePerConnection(t *testing.T) {
	half := down("half", &tp.NoopToxic{})
	half.Toxicity = 0.5
	r := newRig(t, with(half))
	type active = map[uint64]bool
	look := func() active {
		a := active{}
		for _, c := range r.proxy.OpenConnections() {
			a[c.ID] = len(c.Toxics[event.Downstream]) > 0
		}
		return a
	}
	for range 40 {
		client, server := r.pair()
		send(t, server, "x")
		wantRead(t, client, "x")
	}
	first := look()
	n := 0
	for _, a := range first {
		if a {
			n++
		}
	}
	if n < 8 || n > 32 {
		t.Errorf("%d of 40 connections have a toxic of toxicity 0.5", n)
	}
	for range 5 {
		half.Toxic = &tp.LatencyToxic{}
		half.BufferSize = 1
		r.set(down("before", &tp.NoopToxic{}), half)
		until(t, "the edit is in force", func() bool {
			for _, c := range r.proxy.OpenConnections() {
				want := "before"
				if first[c.ID] {
					want = "before,half"
				}
				if strings.Join(c.Toxics[event.Downstream], ",") != want {
					return false
				}
			}
			return true
		})
	}
}
