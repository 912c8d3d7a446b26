package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// measureRecording measures what it costs a run to record everything for --pcap: the
// built-in suites, with and without it in turn.
func measureRecording(ctx context.Context, out io.Writer, harness, folder string, rounds int) error {
	run := []string{"run", "-q", "--seed", "7", "--target", "reference/line-server"}
	recorded := append(slices.Clone(run), "--pcap", filepath.Join(folder, "pcap"))
	var without, with []time.Duration
	for range rounds {
		for _, row := range []struct {
			args []string
			took *[]time.Duration
		}{{run, &without}, {recorded, &with}} {
			took, err := timeCommand(ctx, folder, harness, row.args...)
			if err != nil {
				return fmt.Errorf("recording: %w", err)
			}
			*row.took = append(*row.took, took)
		}
	}
	slices.Sort(without)
	slices.Sort(with)
	a, b := without[rounds/2], with[rounds/2]
	_, err := fmt.Fprintf(out, "%-36s median %8s  without it %8s  %+.1f %%  goal +10 %%\n", "run all built-in suites with --pcap",
		b.Round(time.Millisecond), a.Round(time.Millisecond), 100*(float64(b)/float64(a)-1))
	return err
}
