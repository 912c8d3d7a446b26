package main

import "context"

// A row is something to measure.
type row struct {
	name    string
	parts   []part
	shape   toxicSetup
	measure func(context.Context, *bench, system) ([]float64, error)
}

// A part is one of the values of a row, and a line of the table.
type part struct {
	name   string
	digits int
	less   bool // is better
	spread bool // its quartiles are printed beside the median: it compares in itself
}

// appliesTo reports whether the row says something of the system.
func (r row) appliesTo(s system) bool {
	return r.shape == plain || s.shapes && (r.shape.micros == 0 || s.name != toxiproxyName)
}

var (
	pingParts = []part{{name: "p50, µs", digits: 1, less: true}, {name: "p99, µs", digits: 1, less: true},
		{name: "CPU of the proxy, µs", digits: 1, less: true}, {name: "context switches", digits: 2, less: true}}
	churnParts = []part{{name: "a second", digits: 0}, {name: "CPU of the proxy, µs", digits: 1, less: true}, {name: "context switches", digits: 2, less: true}}
	bulkParts  = []part{{name: "MB/s", digits: 0}, {name: "CPU of the proxy, ms/GiB", digits: 0, less: true}, {name: "CPU of client, proxy and server, ms/GiB", digits: 0, less: true}}
)

// measuredRows returns what is measured. The toxic is a latency of 1 ms in either
// direction: enough to make every chunk go through it and wait.
func measuredRows() []row {
	var list []row
	for _, sh := range []toxicSetup{plain, delayed} {
		before := ""
		if sh == delayed {
			before = "latency 1 ms: "
		}
		add := func(name string, parts []part, m measurement) {
			list = append(list, row{name: before + name, parts: parts, shape: sh, measure: onInstance(sh, m)})
		}
		for _, ending := range []string{"rst", "fin"} {
			add("connections, 8 clients, "+ending+":", churnParts, churnConnections(8, ending))
			add("connections, one client, "+ending+":", churnParts, churnConnections(1, ending))
		}
		add("round trip:", pingParts, pingConnections(1))
		add("round trip on one of 1000:", pingParts, pingConnections(manyTalkers))
		add("bulk up:", bulkParts, transferBulk("up"))
		add("bulk down:", bulkParts, transferBulk("down"))
		add("round trip beside 8 streams of bulk:", []part{{name: "p99, µs", digits: 0, less: true}, {name: "times that alone", digits: 1, less: true}}, besideBulk)
		list = append(list, row{name: before + "memory", parts: []part{{name: "per idle connection, kB", digits: 1, less: true}}, shape: sh, measure: memoryGrowth(sh)})
	}
	late := []part{{name: "p50", digits: 0, less: true}, {name: "p99", digits: 0, less: true}}
	list = append(list,
		row{name: "latency 10 ms: error in µs,", parts: late, shape: exact, measure: latencyError(exact)},
		row{name: "latency 200 µs: error in µs,", parts: late, shape: fine, measure: latencyError(fine)},
	)
	for _, rate := range []int{1, 10, 100, 1000, 10_000, 100_000} {
		list = append(list, bandwidthRow(rate))
	}
	return append(append(list, daemonRows()...), pageRows()...)
}

// onInstance measures the instance of a system that has the shape; it stays running.
func onInstance(sh toxicSetup, m measurement) func(context.Context, *bench, system) ([]float64, error) {
	return func(ctx context.Context, b *bench, s system) ([]float64, error) {
		i, err := b.runningInstance(ctx, s, sh)
		if err != nil {
			return nil, err
		}
		return m(ctx, b, i)
	}
}
