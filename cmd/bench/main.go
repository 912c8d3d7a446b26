// Command bench compares a direct connection, the harness's proxy,
// toxiproxy-server, HAProxy and nginx side by side in one run: interleaved
// rounds, medians, ratios. Nothing in it passes or fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
)

// options are what the command line asks for.
type options struct {
	toxiproxy string // path of toxiproxy-server; empty: left out
	rounds    int
	only      *regexp.Regexp
}

func main() {
	var o options
	role := flag.String("role", "", "internal: server or proxy")
	upstream := flag.String("upstream", "", "internal: of the proxy")
	delay := flag.Int("latency", noToxic, "internal: of the proxy, ms")
	rate := flag.Int("rate", 0, "internal: of the proxy, KB/s")
	flag.StringVar(&o.toxiproxy, "toxiproxy", "", "path of toxiproxy-server; empty: left out")
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved rounds")
	only := flag.String("rows", "", "regular expression: only the rows whose name it matches")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch *role {
	case "server":
		err = serve(ctx)
	case "proxy":
		err = forward(ctx, *upstream, shape{latency: *delay, rate: *rate})
	default:
		if o.only, err = regexp.Compile(*only); err == nil {
			err = compare(ctx, o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// compare measures every row on every system, round by round.
func compare(ctx context.Context, o options) error {
	bench, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer bench.close()
	table := newTable(bench.systems)
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		for _, row := range rows() {
			if !o.only.MatchString(row.name) {
				continue
			}
			for _, s := range bench.systems {
				if !row.applies(s) {
					continue
				}
				values, err := row.measure(ctx, bench, s)
				if err != nil {
					return fmt.Errorf("%s of %s: %w", row.name, s.name, err)
				}
				table.add(row, s, values)
			}
		}
	}
	return table.print(os.Stdout, o.rounds)
}
