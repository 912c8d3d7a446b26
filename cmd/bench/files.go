package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// A fileRow is one measured command on scenario files.
type fileRow struct {
	name    string
	goal    time.Duration
	measure func(context.Context) (time.Duration, error) // one round
}

// measureFiles measures what scenario files cost, with the command in the given file, and
// beside it what a bare Ginkgo suite costs: one round of each in turn.
func measureFiles(ctx context.Context, out io.Writer, harness string, rounds int) error {
	folder, err := os.MkdirTemp("", "harness-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	trivial, waiting := filepath.Join(folder, "trivial"), filepath.Join(folder, "waiting")
	if err := errors.Join(
		writeScenarios(trivial, 1000, `client: {send: "hello\n", expect: "HELLO\n", close: true}`),
		writeScenarios(waiting, 200, `client: {send: "hello\n", expect: "HELLO\n"}`, `client: {expect: silence, for: 100ms}`)); err != nil {
		return err
	}
	addr, stop, err := startLineServer(ctx, harness)
	if err != nil {
		return err
	}
	defer stop()
	bare, err := buildGinkgo(ctx, folder, addr)
	if err != nil {
		return err
	}
	procs, err := bare.bestProcs(ctx)
	if err != nil {
		return err
	}
	command := func(args ...string) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) { return timeCommand(ctx, folder, harness, args...) }
	}
	server := harness + " peer server line 127.0.0.1 {port}"
	rows := []fileRow{
		{fmt.Sprintf("bare Ginkgo suite of 1,000 exchanges, compiled ahead, --procs %d", procs), 0,
			func(ctx context.Context) (time.Duration, error) { return bare.round(ctx, procs) }},
		{"run 1,000 files of one exchange", 8 * time.Second, command("run", "-q", "--server", server, trivial)},
		{"run 200 files that wait for 100 ms", 2500 * time.Millisecond, command("run", "-q", "--server", server, waiting)},
		{"lint 1,000 files", 200 * time.Millisecond, command("lint", trivial)},
		{"run one file on a running server", 150 * time.Millisecond, command("run", "-q", "--server", addr, filepath.Join(trivial, "0000.yaml"))},
	}
	medians, err := printRows(ctx, out, rows, rounds)
	if err != nil {
		return err
	}
	kB, processes, err := memoryOf(ctx, folder, harness, "run", "-q", "--server", server, trivial)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "1,000 files take %.1f times as long as the bare suite; goal 2.0\nrun of 1,000 files: at most %d MB in %d processes; goal 100 MB\n",
		float64(medians[1])/float64(medians[0]), kB/1000, processes); err != nil {
		return err
	}
	return measureRecording(ctx, out, harness, folder, rounds)
}

// printRows measures all rows round by round, and returns the median of each.
func printRows(ctx context.Context, out io.Writer, rows []fileRow, rounds int) ([]time.Duration, error) {
	took, medians := make([][]time.Duration, len(rows)), make([]time.Duration, len(rows))
	for range rounds {
		for i, row := range rows {
			one, err := row.measure(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", row.name, err)
			}
			took[i] = append(took[i], one)
		}
	}
	for i, row := range rows {
		slices.Sort(took[i])
		medians[i] = took[i][rounds/2]
		goal := ""
		if row.goal > 0 {
			goal = "  goal " + row.goal.String()
		}
		if _, err := fmt.Fprintf(out, "%-66s median %8s  fastest %8s%s\n", row.name, medians[i].Round(time.Millisecond), took[i][0].Round(time.Millisecond), goal); err != nil {
			return nil, err
		}
	}
	return medians, nil
}

// timeCommand returns the time that a command takes, which must succeed.
func timeCommand(ctx context.Context, folder, name string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	begin := time.Now()
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, text)
	}
	return time.Since(begin), nil
}

// memoryOf returns the peak memory of a command with all that it starts; see [peakMemory].
func memoryOf(ctx context.Context, folder, name string, args ...string) (kB, processes int, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	running, over := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() { failed <- cmd.Wait(); over() }()
	kB, processes, err = peakMemory(running, cmd.Process.Pid)
	return kB, processes, errors.Join(err, <-failed)
}

// writeScenarios writes count files with one scenario each.
func writeScenarios(folder string, count int, steps ...string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for i := range count {
		text := fmt.Sprintf("scenario: bench/s%d\nsteps:\n", i)
		for _, step := range steps {
			text += "  - " + step + "\n"
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.yaml", i)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startLineServer starts the server that is compiled in. The caller must stop it.
func startLineServer(ctx context.Context, harness string) (addr string, stop func(), err error) {
	if addr, err = freeAddr(); err != nil {
		return "", nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, harness, "peer", "server", "line", "127.0.0.1", port)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return addr, stop, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			stop()
			return "", nil, context.Cause(ctx)
		}
	}
}
