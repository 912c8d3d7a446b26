package main

import "context"

// A row is something to measure.
type row struct {
	name    string
	digits  int
	better  string   // "less" or "more"
	parts   []string // of the lines it makes; none: one line, without a name of its own
	shape   shape
	measure func(context.Context, *bench, system) ([]float64, error)
}

// applies reports whether the row says something of the system.
func (r row) applies(s system) bool {
	return r.shape == plain || s.shapes
}

// rows returns what is measured. The toxic is a latency of 1 ms in either
// direction: enough to make every chunk go through it and wait.
func rows() []row {
	var list []row
	add := func(name string, digits int, better string, sh shape, m measurement) {
		list = append(list, row{name: name, digits: digits, better: better, shape: sh, measure: on(sh, m)})
	}
	add("round trip p50, µs", 1, "less", plain, roundTrip)
	add("bulk upstream, MB/s", 0, "more", plain, transfer('u'))
	add("bulk downstream, MB/s", 0, "more", plain, transfer('d'))
	add("connections/s, one client", 0, "more", plain, churn(1))
	add("connections/s, 8 clients", 0, "more", plain, churn(8))
	list = append(list, row{name: "memory per idle connection, kB", digits: 1, better: "less", shape: plain, measure: memory(plain)})
	add("latency 1 ms: round trip p50, µs", 1, "less", delayed, roundTrip)
	add("latency 1 ms: bulk upstream, MB/s", 0, "more", delayed, transfer('u'))
	add("latency 1 ms: bulk downstream, MB/s", 0, "more", delayed, transfer('d'))
	add("latency 1 ms: connections/s, one client", 0, "more", delayed, churn(1))
	add("latency 1 ms: connections/s, 8 clients", 0, "more", delayed, churn(8))
	list = append(list,
		row{name: "latency 1 ms: memory per idle connection, kB", digits: 1, better: "less", shape: delayed, measure: memory(delayed)},
		row{name: "accuracy: latency 10 ms, error in µs,", digits: 0, better: "less", parts: []string{"p50", "p99"}, shape: exact, measure: lateness})
	for _, rate := range []int{1, 10, 100, 1000, 10_000, 100_000} {
		list = append(list, bandwidthRow(rate))
	}
	return list
}

// A measurement measures a system that runs, at its address.
type measurement func(ctx context.Context, addr string) (float64, error)

// on measures the instance of a system that has the shape; it stays running.
func on(sh shape, m measurement) func(context.Context, *bench, system) ([]float64, error) {
	return func(ctx context.Context, b *bench, s system) ([]float64, error) {
		i, err := b.running(ctx, s, sh)
		if err != nil {
			return nil, err
		}
		v, err := m(ctx, i.addr)
		return []float64{v}, err
	}
}
