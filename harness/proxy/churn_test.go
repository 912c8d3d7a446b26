package proxy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	tp "github.com/Shopify/toxiproxy/v2/toxics"
	"pgregory.net/rapid"

	"github.com/sockharness/harness/harness/event"
)

// Megabytes at full speed through a chain that changes all the time, both ways
// at once.
func TestChurnLosesNothing(t *testing.T) {
	const size = 64 << 20
	r := newRig(t, func(c *Config) { c.Events = nil })
	client, server := r.pair()
	done := make(chan error, 4)
	for _, c := range []*net.TCPConn{client, server} {
		go func() { done <- sendNoise(c, size) }()
	}
	sums := make(chan [sha256.Size]byte, 2)
	for _, c := range []*net.TCPConn{client, server} {
		go func() {
			h := sha256.New()
			_, err := io.Copy(h, c)
			sums <- [sha256.Size]byte(h.Sum(nil))
			done <- err
		}()
	}
	dice := rand.New(rand.NewPCG(1, 2))
	edits := 0
	for left := 4; left > 0; edits++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			left--
		default:
			r.set(randomChain(dice, dice.IntN(4))...)
		}
	}
	h := sha256.New()
	_ = writeNoise(h, size)
	for range 2 {
		if got := <-sums; got != [sha256.Size]byte(h.Sum(nil)) {
			t.Error("the bytes differ")
		}
	}
	t.Logf("%d edits", edits)
	r.set()
}

func sendNoise(c *net.TCPConn, size int) error {
	defer func() { _ = c.CloseWrite() }()
	return writeNoise(c, size)
}

func writeNoise(w io.Writer, size int) error {
	source := rand.NewChaCha8([32]byte{3})
	buf := make([]byte, 100_000)
	for size > 0 {
		_, _ = source.Read(buf)
		n, err := w.Write(buf[:min(size, len(buf))])
		if err != nil {
			return err
		}
		size -= n
	}
	return nil
}

// randomChain returns n benign toxics, in each direction, under few names, so
// that toxics are added, changed, moved and removed.
func randomChain(dice *rand.Rand, n int) (list []Toxic) {
	for _, i := range dice.Perm(6)[:n] {
		for _, d := range []event.Direction{event.Upstream, event.Downstream} {
			t := Toxic{Name: fmt.Sprint("t", i, d), Direction: d, Toxicity: 1}
			switch dice.IntN(5) {
			case 0:
				t.Toxic = &tp.NoopToxic{}
			case 1:
				t.Toxic = &tp.LatencyToxic{Latency: 1, Jitter: 1}
			case 2:
				t.Toxic = &tp.SlicerToxic{AverageSize: 4000, SizeVariation: 1000}
			case 3:
				t.Toxic = &tp.BandwidthToxic{Rate: 2_000_000}
			case 4:
				t.Toxic = &tp.SlowCloseToxic{Delay: 1}
			}
			list = append(list, t)
		}
	}
	return list
}

// Any sequence of edits, writes and reads leaves the stream as it is.
func TestAnyEditsLoseNothing(t *testing.T) {
	r := newRig(t, nil)
	rapid.Check(t, func(rt *rapid.T) {
		r.set()
		client, server := r.pair()
		defer func() { _ = client.Close(); _ = server.Close() }()
		var pending bytes.Buffer
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(rt, "steps")
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		for _, step := range steps {
			switch {
			case step < 4:
				r.set(randomChain(dice, dice.IntN(4))...)
			case step < 8:
				b := make([]byte, 1+dice.IntN(20_000))
				for i := range b {
					b[i] = byte(dice.Uint32())
				}
				pending.Write(b)
				if _, err := server.Write(b); err != nil {
					rt.Fatal(err)
				}
			default:
				want := pending.Next(dice.IntN(30_000))
				got := make([]byte, len(want))
				if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
					rt.Fatalf("the bytes differ: %v", err)
				}
			}
		}
		_ = server.CloseWrite()
		r.set(randomChain(dice, 2)...)
		got, ending := endingOf(client)
		if ending != event.EOF || !bytes.Equal(got, pending.Bytes()) {
			rt.Fatalf("got %d bytes and %s, want %d and eof", len(got), ending, pending.Len())
		}
	})
}

// Short connections, with toxics added and removed meanwhile: what kills
// Toxiproxy.
func TestChurnOfShortConnections(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Events = nil })
	go func() {
		for {
			c, err := r.listener.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	const clients, rounds = 8, 40
	done := make(chan error, clients)
	for i := range clients {
		go func() { done <- echoes(r.proxy.Addr().String(), i, rounds) }()
	}
	dice := rand.New(rand.NewPCG(5, 6))
	for left := clients; left > 0; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			left--
		default:
			r.set(randomChain(dice, dice.IntN(4))...)
		}
	}
	_ = r.listener.Close()
}

func echoes(addr string, seed, rounds int) error {
	want := bytes.Repeat([]byte{byte(seed)}, 3000)
	for range rounds {
		c, err := tryDial(addr)
		if err != nil {
			return err
		}
		if _, err := c.Write(want); err != nil {
			return err
		}
		_ = c.CloseWrite()
		got, err := io.ReadAll(c)
		_ = c.Close()
		if err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("echo of %d bytes: %d bytes, %v", len(want), len(got), err)
		}
	}
	return nil
}
