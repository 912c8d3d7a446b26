package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

const tracedConnections = 400

// printCalls writes the system calls of each proxy, counted by strace, for a connection
// and for a round trip. What is traced is slow, so that nothing else is measured by it.
func (b *bench) printCalls(ctx context.Context, w io.Writer, o options) {
	if !o.only.MatchString("system calls") {
		return
	}
	if _, err := exec.LookPath("strace"); err != nil {
		fmt.Fprintln(w, "\nNo system calls: strace is not installed.")
		return
	}
	cases := []struct {
		name string
		act  []any
	}{
		{"connection ended by rst", []any{"churn", 8, tracedConnections, "rst"}},
		{"connection ended by fin", []any{"churn", 8, tracedConnections, "fin"}},
		{"round trip", []any{"ping", 1, pingTime}},
	}
	for _, c := range cases {
		fmt.Fprintf(w, "\nSystem calls for a %s:\n\n", c.name)
		for _, s := range b.systems {
			if s.name == directName {
				continue
			}
			text, err := b.traceCalls(ctx, s, c.act)
			if err != nil {
				text = err.Error()
			}
			fmt.Fprintf(w, "- %s: %s\n", s.name, text)
		}
	}
}

// traceCalls counts the calls of an instance while the clients are at work.
func (b *bench) traceCalls(ctx context.Context, s system, act []any) (string, error) {
	i, err := b.runningInstance(ctx, s, plain)
	if err != nil {
		return "", err
	}
	counts := filepath.Join(b.folder, "strace")
	trace := exec.CommandContext(ctx, "strace", "-f", "-c", "-o", counts, "-p", strconv.Itoa(i.pid))
	said, err := trace.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := trace.Start(); err != nil {
		return "", err
	}
	_, _ = said.Read(make([]byte, 1)) // that it is attached
	go func() { _, _ = io.Copy(io.Discard, said) }()
	r, err := b.runLoad(ctx, i, act[0].(string), act[1:]...)
	sleep.For(ctx, 50*time.Millisecond) // until the last connection is closed
	_ = trace.Process.Signal(os.Interrupt)
	_ = trace.Wait()
	b.others = b.others[:max(0, len(b.others)-1)]
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(counts)
	return formatCalls(string(text), r.operations), err
}

// formatCalls makes one line of the table that strace has written.
func formatCalls(table string, operations int) string {
	type call struct {
		name string
		n    float64
	}
	var calls []call
	var all float64
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		n, err := strconv.ParseFloat(fields[3], 64)
		name := fields[len(fields)-1]
		if err != nil || name == "total" {
			continue
		}
		n /= float64(operations)
		if all += n; n >= 0.05 {
			calls = append(calls, call{name, n})
		}
	}
	slices.SortFunc(calls, func(a, b call) int { return int(1000 * (b.n - a.n)) })
	text := fmt.Sprintf("%.1f:", all)
	for _, c := range calls {
		text += fmt.Sprintf(" %s %.1f", c.name, c.n)
	}
	return text
}

// printNoise says what other programs have used of the machine.
func (b *bench) printNoise(w io.Writer) {
	median, most := medianOf(b.others)*100, quantileOf(b.others, 1)*100
	fmt.Fprintf(w, "\nOther programs have used %.0f %% of the processors (median), %.0f %% at most.\n", median, most)
	if median > 5 {
		fmt.Fprintln(w, "THE MACHINE WAS BUSY: processor times and counts are good to a tenth, times and throughputs are not. Trust ratios only.")
	}
}
