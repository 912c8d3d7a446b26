package runner

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// meeting answers a line that comes in two segments when two connections have got the first one of
// theirs, and one that comes whole at once.
func meeting() func(net.Conn) {
	both, arrived := make(chan struct{}), atomic.Int64{}
	return func(conn net.Conn) {
		b := make([]byte, 64)
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		if b[n-1] != '\n' {
			if arrived.Add(1) == 2 {
				close(both)
			}
			select {
			case <-both:
			case <-time.After(5 * time.Second):
				return
			}
		}
		upper(resumed{conn, io.MultiReader(bytes.NewReader(b[:n]), conn)})
	}
}

// Two variants do not wait for each other: each of these is answered only while the other is played.
func TestTwoVariantsRunSideBySide(t *testing.T) {
	target := serve(t, meeting())
	target.State = scenario.StateConnection
	target.Oracles = map[string]outcome.Level{"serves": scenario.Off, "others": scenario.Off}
	var variants []scenario.Variant
	for _, at := range []int64{2, 3} {
		variants = append(variants, scenario.Variant{
			Name:   string(rune('0' + at)),
			Faults: []spec.Spec{scenario.SplitAt(event.Upstream, at)},
			Expect: []scenario.Expectation{scenario.ExpectCompletion()},
		})
	}
	r := New(Config{Seed: 1, Budget: 10 * time.Second, Tmp: t.TempDir()})
	defer r.Close()
	results := r.RunScenario(t.Context(), target, playing(variants...))
	if len(results) != 2 {
		t.Fatalf("got %+v, want two results", results)
	}
	for _, result := range results {
		want(t, result, outcome.Pass)
	}
}
