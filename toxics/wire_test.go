package toxics

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
)

// A fakeWire records what a toxic asks of its link.
type fakeWire struct {
	ctx     context.Context
	blocked func(context.Context) (int64, error)

	mu         sync.Mutex
	struck     []string
	cannot     []string
	boundaries []int64
	ends       []hook.EndMode
	happened   map[event.Kind]chan struct{}
	answered   chan struct{}
	shared     *sync.Map // of the connection; nil: the wire is no Meeting's
}

func (w *fakeWire) Shared(key any, fresh func() any) any {
	if w.shared == nil {
		return fresh()
	}
	value, _ := w.shared.LoadOrStore(key, fresh())
	return value
}

func newWire(t *testing.T) *fakeWire {
	return &fakeWire{ctx: t.Context(), happened: map[event.Kind]chan struct{}{}, answered: make(chan struct{})}
}

func (w *fakeWire) Context() context.Context { return w.ctx }

func (w *fakeWire) Direction() event.Direction { return event.Downstream }

func (w *fakeWire) Conn() uint64 { return 1 }

func (w *fakeWire) Rand() *rand.Rand { return seed.New(7).NewRand() }

func (w *fakeWire) ReplyStarted() <-chan struct{} { return w.answered }

func (w *fakeWire) Struck(offset int64, detail string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.struck = append(w.struck, fmt.Sprintf("%d: %s", offset, detail))
}

func (w *fakeWire) Alarm(at time.Time) (expired <-chan struct{}, stop func()) {
	rung := make(chan struct{})
	timer := time.AfterFunc(time.Until(at), func() { close(rung) })
	return rung, func() { timer.Stop() }
}

func (w *fakeWire) CannotStrike(_ int64, why string) { w.cannot = append(w.cannot, why) }

func (w *fakeWire) Boundary(offset int64) { w.boundaries = append(w.boundaries, offset) }

func (w *fakeWire) End(end hook.EndMode) { w.ends = append(w.ends, end) }

func (w *fakeWire) EventHappened(kind event.Kind) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.happened[kind] == nil {
		w.happened[kind] = make(chan struct{})
	}
	return w.happened[kind]
}

func (w *fakeWire) SourceBlocked(ctx context.Context) (int64, error) {
	if w.blocked == nil {
		return 0, errors.New("cannot be known")
	}
	return w.blocked(ctx)
}

// A bench is a toxic in a link that does nothing else.
type bench struct {
	t     *testing.T
	wire  *fakeWire
	toxic tp.Toxic
	stub  *tp.ToxicStub
	input chan *stream.StreamChunk
	out   chan *stream.StreamChunk
	done  chan struct{} // Pipe has returned
}

// benchWith makes a toxic from a flag and runs it.
func benchWith(t *testing.T, w *fakeWire, flag string) *bench {
	t.Helper()
	return benchFor(t, w, mustMake(t, flag).Instance)
}

func benchFor(t *testing.T, w *fakeWire, instance tp.Toxic) *bench {
	t.Helper()
	b := &bench{t: t, wire: w, input: make(chan *stream.StreamChunk), out: make(chan *stream.StreamChunk)}
	b.toxic = instance.(*engine.AttachableToxic).Attach(w)
	b.stub = tp.NewToxicStub(b.input, b.out)
	b.run()
	return b
}

func mustMake(t testing.TB, flag string) Toxic {
	t.Helper()
	spec, err := ParseFlag(flag)
	if err != nil {
		t.Fatal(err)
	}
	toxic, err := MakeToxic(spec)
	if err != nil {
		t.Fatal(err)
	}
	return toxic
}

// run starts Pipe.
func (b *bench) run() {
	b.done = make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		b.toxic.Pipe(b.stub)
	}(b.done)
}

// interrupt makes Pipe return, unless the toxic has closed its output.
func (b *bench) interrupt() {
	select {
	case b.stub.Interrupt <- struct{}{}:
	case <-b.done:
	}
	<-b.done
}

func (b *bench) send(text string) {
	b.t.Helper()
	select {
	case b.input <- &stream.StreamChunk{Data: []byte(text), Timestamp: time.Now()}:
	case <-time.After(10 * time.Second):
		b.t.Fatalf("the toxic does not take %q", text)
	}
}

// expect takes the next chunk and compares it.
func (b *bench) expect(text string) {
	b.t.Helper()
	select {
	case c := <-b.out:
		switch {
		case c == nil:
			b.t.Fatalf("the output is closed, want %q", text)
		case string(c.Data) != text:
			b.t.Fatalf("got %q, want %q", c.Data, text)
		}
	case <-time.After(10 * time.Second):
		b.t.Fatalf("nothing came, want %q", text)
	}
}

// expectClosed waits for the end of the output.
func (b *bench) expectClosed() {
	b.t.Helper()
	select {
	case c := <-b.out:
		if c != nil {
			b.t.Fatalf("got %q, want the end", c.Data)
		}
	case <-time.After(10 * time.Second):
		b.t.Fatal("the output is not closed")
	}
	<-b.done
}

// expectStruck compares the only report of an effect by its offset.
func (b *bench) expectStruck(offsets ...string) {
	b.t.Helper()
	b.wire.mu.Lock()
	defer b.wire.mu.Unlock()
	if len(b.wire.struck) != len(offsets) {
		b.t.Fatalf("struck %q, want %q", b.wire.struck, offsets)
	}
	for i, o := range offsets {
		if got := b.wire.struck[i]; len(got) < len(o) || got[:len(o)] != o {
			b.t.Fatalf("struck %q, want %q", got, o)
		}
	}
}

// trySend sends unless Pipe has returned.
func (b *bench) trySend(text string) bool {
	select {
	case b.input <- &stream.StreamChunk{Data: []byte(text), Timestamp: time.Now()}:
		return true
	case <-b.done:
		return false
	}
}
