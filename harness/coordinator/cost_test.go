package coordinator

import (
	"os/exec"
	"testing"
	"time"
)

// BenchmarkSpec measures what the protocol costs for one spec that does nothing:
// Counter, Started, DidRun and Ginkgo's own four ShouldAbort.
func BenchmarkSpec(b *testing.B) {
	for _, procs := range []int{1, 2} {
		b.Run([]string{1: "procs=1", 2: "procs=2"}[procs], func(b *testing.B) {
			c := request(b, "trivial", procs)
			for b.Loop() {
				mustRun(b, c)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(c.Specs)), "µs/spec")
		})
	}
}

// BenchmarkFirstSpec measures from Run to the first spec's start, and a whole
// run of one spec.
func BenchmarkFirstSpec(b *testing.B) {
	c := request(b, "nothing", 1)
	c.Command = func(int) *exec.Cmd { return self("worker", "nothing") }
	var begin time.Time
	var first time.Duration
	c.OnStart = func(int, int, string) { first += time.Since(begin) }
	for b.Loop() {
		begin = time.Now()
		mustRun(b, c)
	}
	b.ReportMetric(float64(first.Microseconds())/float64(b.N), "µs-to-first-spec")
}
