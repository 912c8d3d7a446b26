package toxics

import (
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
)

// BenchmarkChunk measures what a chunk of 32 KiB costs in each toxic; "toxiproxy"
// is its noop without our guest around it.
func BenchmarkChunk(b *testing.B) {
	flags := []string{"toxiproxy", "noop", "latency", "stall duration=1", "slice size=1MiB", "slice size=1KiB",
		"corrupt every=1KiB", "noop at.byte=1GiB", "noop at.pattern=xyz"}
	for _, flag := range flags {
		b.Run(flag, func(b *testing.B) {
			input, out := make(chan *stream.StreamChunk), make(chan *stream.StreamChunk)
			var toxic tp.Toxic = new(tp.NoopToxic)
			if flag != "toxiproxy" {
				w := &fakeWire{ctx: b.Context()}
				toxic = mustMake(b, flag).Instance.(*engine.AttachableToxic).Attach(w)
			}
			go toxic.Pipe(tp.NewToxicStub(input, out))
			data := make([]byte, 32<<10)
			go func() {
				defer close(input)
				for range b.N {
					input <- &stream.StreamChunk{Data: data, Timestamp: time.Time{}}
				}
			}()
			b.SetBytes(int64(len(data)))
			b.ResetTimer()
			for range out {
			}
		})
	}
}
