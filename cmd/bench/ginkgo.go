package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A ginkgoSuite is a bare suite with the exchanges of the scenario files, compiled ahead.
type ginkgoSuite struct {
	command string // Ginkgo's own
	binary  string
	server  string // address
}

// buildGinkgo compiles the suite and Ginkgo's command into the folder. It wants the go
// command and the folder of this module.
func buildGinkgo(ctx context.Context, folder, server string) (ginkgoSuite, error) {
	g := ginkgoSuite{command: filepath.Join(folder, "ginkgo"), binary: filepath.Join(folder, "exchanges.test"), server: server}
	for _, args := range [][]string{
		{"build", "-o", g.command, "github.com/onsi/ginkgo/v2/ginkgo"},
		{"test", "-c", "-o", g.binary, "./cmd/bench/testdata/exchanges"},
	} {
		if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
			return g, fmt.Errorf("go %s: %w\n%s", args[0], err, out)
		}
	}
	return g, nil
}

// bestProcs returns the number of processes with which one round takes the least time.
func (g ginkgoSuite) bestProcs(ctx context.Context) (int, error) {
	best, least := 0, time.Duration(0)
	for _, procs := range []int{1, 2, 4, 8} {
		took, err := g.round(ctx, procs)
		if err != nil {
			return 0, err
		}
		if best == 0 || took < least {
			best, least = procs, took
		}
	}
	return best, nil
}

func (g ginkgoSuite) round(ctx context.Context, procs int) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, g.command, fmt.Sprintf("--procs=%d", procs), g.binary)
	cmd.Dir, cmd.Env = filepath.Dir(g.binary), append(os.Environ(), "BENCH_SERVER="+g.server)
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("ginkgo: %w\n%s", err, out)
	}
	return time.Since(begin), nil
}
