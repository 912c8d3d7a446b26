// Command bench compares a direct connection, the harness's proxy and
// toxiproxy-server side by side in one run: interleaved rounds, medians, ratios.
// Nothing in it passes or fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
)

func main() {
	role := flag.String("role", "", "internal: server or proxy")
	upstream := flag.String("upstream", "", "internal: of the proxy")
	toxiproxy := flag.String("toxiproxy", "", "path of toxiproxy-server; empty: left out")
	rounds := flag.Int("rounds", 5, "interleaved rounds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *role, *upstream, *toxiproxy, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, role, upstream, toxiproxy string, rounds int) error {
	switch role {
	case "server":
		return serve(ctx)
	case "proxy":
		return forward(ctx, upstream)
	}
	systems, stop, err := start(ctx, toxiproxy)
	if err != nil {
		return err
	}
	defer stop()
	results := map[string]map[string][]float64{}
	for range rounds {
		for _, row := range rows() {
			for _, s := range systems {
				value, err := row.measure(ctx, s)
				if err != nil {
					return fmt.Errorf("%s of %s: %w", row.name, s.name, err)
				}
				if results[row.name] == nil {
					results[row.name] = map[string][]float64{}
				}
				results[row.name][s.name] = append(results[row.name][s.name], value)
			}
		}
	}
	return print(systems, results, rounds)
}

// print writes one line per row: the medians, and ours against Toxiproxy's.
func print(systems []system, results map[string]map[string][]float64, rounds int) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "median of %d rounds\t", rounds)
	for _, s := range systems {
		fmt.Fprintf(w, "%s\t", s.name)
	}
	fmt.Fprintln(w, "ours/toxiproxy\t")
	for _, row := range rows() {
		fmt.Fprintf(w, "%s\t", row.name)
		for _, s := range systems {
			fmt.Fprintf(w, "%.*f\t", row.digits, median(results[row.name][s.name]))
		}
		theirs := median(results[row.name]["toxiproxy"])
		if theirs > 0 {
			fmt.Fprintf(w, "%.2f (%s is better)\t", median(results[row.name]["ours"])/theirs, row.better)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
