package link

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// A held toxic is a latency that a link may take for what it is.
type held struct {
	tp.LatencyToxic
	asked *atomic.Int64 // how often it was asked for a delay
}

func (h *held) Delays(hook.Link) func(int64) time.Duration {
	return func(int64) time.Duration {
		h.asked.Add(1)
		return time.Duration(h.Latency) * time.Millisecond
	}
}

func holding(ms int64) (Stage, *atomic.Int64) {
	h := &held{tp.LatencyToxic{Latency: ms}, new(atomic.Int64)}
	return Stage{Name: "held", Toxic: h, BufferSize: 1024}, h.asked
}

func TestDelayIsCarriedByTheKernel(t *testing.T) {
	stage, asked := holding(5)
	w := newWired(t, stage)
	for i := range 5 {
		begin := time.Now()
		w.send("bytes")
		w.wantRead("bytes")
		if took := time.Since(begin); took < 5*time.Millisecond {
			t.Errorf("held for %v only", took)
		}
		want := int64(5 * (i + 1))
		until(t, "all bytes were spliced", func() bool { return w.link.DirectBytes() == want })
	}
	if n := asked.Load(); n != 5 {
		t.Errorf("asked for %d delays, want 5", n)
	}
	if got := w.link.ActiveToxics(); len(got) != 1 || got[0] != "held" {
		t.Errorf("active %v", got)
	}
}

// What is held and the pipes that hold it are gone when nothing moves.
func TestDelayHoldsNothingWhenIdle(t *testing.T) {
	stage, _ := holding(1)
	w := newWired(t, stage)
	until(t, "it reads", func() bool { w.link.mu.Lock(); defer w.link.mu.Unlock(); return w.link.reading })
	before := runtime.NumGoroutine()
	for range 10 {
		w.send("bytes")
		w.wantRead("bytes")
	}
	until(t, "the pipe is back", func() bool {
		w.pool.mu.Lock()
		defer w.pool.mu.Unlock()
		return w.pool.pipesInUse == 0
	})
	until(t, "the writer is gone, but for the clock of the pool", func() bool { return runtime.NumGoroutine() <= before+1 })
}

func TestDelayIsEditedWhileItHolds(t *testing.T) {
	hour := int64(3_600_000)
	noop := Stage{Name: "noop", Toxic: &tp.NoopToxic{}}
	for name, edit := range map[string]func() []Stage{
		"shortened":       func() []Stage { s, _ := holding(1); return []Stage{s} },
		"removed":         func() []Stage { return nil },
		"replaced":        func() []Stage { return []Stage{noop} },
		"joined by other": func() []Stage { s, _ := holding(1); return []Stage{s, noop} },
	} {
		t.Run(name, func(t *testing.T) {
			stage, _ := holding(hour)
			w := newWired(t, stage)
			want := ""
			for i := range 6 {
				piece := string(rune('a' + i))
				w.send(piece)
				want += piece
				until(t, "the byte is read", func() bool { return w.link.ReceivedBytes() == int64(len(want)) })
			}
			w.link.UpdateChain(edit())
			w.send("g")
			w.wantRead(want + "g")
			_ = w.src.CloseWrite()
			w.wantOutcome(Ended)
		})
	}
}

func TestEndComesBehindWhatIsHeld(t *testing.T) {
	stage, asked := holding(20)
	w := newWired(t, stage)
	w.send("bytes")
	_ = w.src.CloseWrite()
	got, err := io.ReadAll(w.dst)
	if string(got) != "bytes" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	w.wantOutcome(Ended)
	if n := asked.Load(); n != 1 {
		t.Errorf("asked for %d delays, want 1", n)
	}
}

func TestEndIsHeldUntilTheDelayIsRemoved(t *testing.T) {
	for name, after := range map[string][]Stage{"nothing": nil, "noop": {{Name: "noop", Toxic: &tp.NoopToxic{}}}} {
		t.Run(name, func(t *testing.T) {
			stage, _ := holding(3_600_000)
			w := newWired(t, stage)
			w.send("bytes")
			_ = w.src.CloseWrite()
			until(t, "the end is read", func() bool { return w.link.src.PeerEnding() == event.EOF })
			w.link.UpdateChain(after)
			got, err := io.ReadAll(w.dst)
			if string(got) != "bytes" || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
			w.wantOutcome(Ended)
		})
	}
}

func TestResetComesBehindWhatIsHeld(t *testing.T) {
	stage, _ := holding(20)
	w := newWired(t, stage)
	w.send("bytes")
	until(t, "the bytes are read", func() bool { return w.link.ReceivedBytes() == 5 })
	_ = w.src.SetLinger(0)
	_ = w.src.Close()
	w.wantRead("bytes")
	w.wantOutcome(Aborted)
}

// What a destination does not take is given up when the source was reset.
func TestResetPassesADelayThatIsStuck(t *testing.T) {
	stage, _ := holding(1)
	w := newWired(t, stage)
	go func() { _, _ = w.src.Write(make([]byte, 64<<20)) }()
	var last int64
	still := 0
	until(t, "no progress", func() bool {
		now := w.link.ReceivedBytes()
		if still++; now != last || now == 0 {
			last, still = now, 0
		}
		return still > 50
	})
	_ = w.src.SetLinger(0)
	_ = w.src.Close()
	until(t, "the reset is seen", func() bool { w.link.CheckSource(); return w.link.src.wasReset() })
	w.wantOutcome(Aborted)
}

// Megabytes through a delay that comes, changes and goes.
func TestDelayLosesNothing(t *testing.T) {
	const size = 48 << 20
	w := newWired(t)
	sent := sha256.New()
	go func() {
		random := rand.NewChaCha8([32]byte{9})
		b := make([]byte, 100_000)
		for left := size; left > 0; {
			_, _ = random.Read(b)
			n := min(left, len(b))
			_, _ = sent.Write(b[:n])
			if _, err := w.src.Write(b[:n]); err != nil {
				break
			}
			left -= n
		}
		_ = w.src.CloseWrite()
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		received := sha256.New()
		n, err := io.Copy(received, w.dst)
		if n != size || err != nil || string(received.Sum(nil)) != string(sent.Sum(nil)) {
			t.Errorf("%d bytes of %d, %v, or others", n, size, err)
		}
	}()
	dice := rand.New(rand.NewPCG(1, 2))
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
			before := w.link.ReceivedBytes()
			stage, _ := holding(dice.Int64N(3))
			w.link.UpdateChain([][]Stage{nil, {stage}, {stage}, {stage, {Name: "noop", Toxic: &tp.NoopToxic{}}}}[dice.IntN(4)])
			until(t, "some more is read", func() bool { return w.link.ReceivedBytes() > before || w.link.ReceivedBytes() == size })
		}
	}
	w.wantOutcome(Ended)
}

// No alarm rings too early, none is lost, and one that is halted leaves.
func TestClock(t *testing.T) {
	var pool Pool
	var waiting sync.WaitGroup
	dice := rand.New(rand.NewPCG(4, 2))
	for range 200 {
		at := time.Now().Add(time.Duration(dice.Int64N(int64(30 * time.Millisecond))))
		waiting.Go(func() {
			if !pool.clock.waitUntil(at, nil) || time.Until(at) > 0 {
				t.Error("woken too early")
			}
		})
	}
	halt := make(chan struct{})
	hour := time.Now().Add(time.Hour)
	waiting.Go(func() {
		if pool.clock.waitUntil(hour, halt) {
			t.Error("an hour is over")
		}
	})
	close(halt)
	waiting.Wait()
	pool.Close()
	if pool.clock.waitUntil(hour, halt) {
		t.Error("an hour is over on a closed clock")
	}
}

// A toxic waits by the clock of the kernel, which rings, and can be stopped.
func TestAlarmOfAToxic(t *testing.T) {
	rung := make(chan bool, 1)
	p := newPair(t, attachedStage(func(l hook.Link, s *tp.ToxicStub) {
		_, stop := l.Alarm(time.Now().Add(time.Hour))
		stop()
		expired, stop := l.Alarm(time.Now().Add(200 * time.Microsecond))
		defer stop()
		select {
		case <-expired:
			rung <- true
		case <-s.Interrupt:
			return
		}
		new(tp.NoopToxic).Pipe(s)
	}), nil, nil)
	<-rung
	clock := &p.up.cfg.Pool.clock
	clock.mu.Lock()
	defer clock.mu.Unlock()
	if clock.file == nil || clock.alarms.Next() != nil {
		t.Error("it rang by another clock than the kernel's, or an alarm is left")
	}
}
