// Command bench compares a direct connection, the harness's proxy, alone and in a
// daemon, toxiproxy-server, HAProxy, nginx and socat side by side in one run:
// interleaved rounds, medians, ratios within a round with their quartiles. The
// clients and the server are a program in C, and what a proxy costs is its
// processor time. Nothing in it passes or fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"

	"github.com/sockharness/harness/harness/api"
)

// options are what the command line asks for.
type options struct {
	toxiproxy string // path of toxiproxy-server; empty: left out
	rounds    int
	only      *regexp.Regexp
}

func main() {
	var o options
	role := flag.String("role", "", "internal: proxy, daemon or recorder")
	upstream := flag.String("upstream", "", "internal: of the proxy")
	delay := flag.Int("latency", noToxic, "internal: of the proxy, ms")
	rate := flag.Int("rate", 0, "internal: of the proxy, KB/s")
	micros := flag.Int("micros", 0, "internal: of the proxy, µs instead of latency")
	flag.StringVar(&o.toxiproxy, "toxiproxy", "", "path of toxiproxy-server; empty: left out")
	flag.IntVar(&o.rounds, "rounds", 15, "interleaved rounds")
	only := flag.String("rows", "", "regular expression: only the rows whose name it matches")
	files := flag.String("files", "", "path of harness: measure what scenario files cost, and nothing else")
	explore := flag.String("explore", "", "path of harness: measure how fast explore and replay are, and nothing else")
	fixtures := flag.String("fixtures", "bin/fixtures", "folder of the programs of fixtures/build.sh, for -explore")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch *role {
	case "daemon":
		err = runDaemonRole(ctx, api.Config{})
	case "recorder":
		err = runRecorderRole(ctx)
	case "proxy":
		err = runProxy(ctx, *upstream, toxicSetup{latency: *delay, rate: *rate, micros: *micros})
	case "":
		if *files != "" {
			err = measureFiles(ctx, os.Stdout, *files, o.rounds)
			break
		}
		if *explore != "" {
			err = measureExplore(ctx, os.Stdout, *explore, *fixtures)
			break
		}
		if o.only, err = regexp.Compile(*only); err == nil {
			err = compareSystems(ctx, o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// compareSystems measures every row on every system, round by round.
func compareSystems(ctx context.Context, o options) error {
	bench, err := openBench(ctx, o)
	if err != nil {
		return err
	}
	defer bench.closeAll()
	table := newTable(bench.systems)
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		for _, row := range measuredRows() {
			if !o.only.MatchString(row.name) {
				continue
			}
			for i := range bench.systems {
				s := bench.systems[(i+round)%len(bench.systems)] // each is the first as often: what went before costs
				if !row.appliesTo(s) {
					continue
				}
				values, err := row.measure(ctx, bench, s)
				if err != nil {
					return fmt.Errorf("%s of %s: %w", row.name, s.name, err)
				}
				table.addValues(row, s, round, values)
			}
		}
	}
	if err := table.printTables(os.Stdout, o.rounds); err != nil {
		return err
	}
	bench.printCalls(ctx, os.Stdout, o)
	bench.printNoise(os.Stdout)
	return nil
}
