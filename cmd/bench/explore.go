package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	replayTimes = 1000 // conversations of a replay
	bigLines    = 20   // of the conversation of 4 KB
)

// measureExplore measures how fast harness explore and replay are. The fixtures are the
// folder of the programs that fixtures/build.sh has built.
func measureExplore(ctx context.Context, out io.Writer, harness, fixtures string) error {
	folder, err := os.MkdirTemp("", "harness-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	small, big := filepath.Join(folder, "small.yaml"), filepath.Join(folder, "big.yaml")
	if err := errors.Join(writeLineDialogue(small, 2, 10), writeLineDialogue(big, bigLines, 100)); err != nil {
		return err
	}
	addr, stop, err := startLineServer(ctx, harness)
	if err != nil {
		return err
	}
	defer stop()
	server := filepath.Join(fixtures, "line-c-threads") + " 127.0.0.1 {port}"
	for _, row := range []struct {
		name string
		goal string
		args []string
	}{
		{"points a second against a C server", "3000", []string{"--server", server, "--dialogue", big, "--budget", "10s"}},
		{"points a second against a server in Go", "3000", []string{"--server", harness + " peer server line 127.0.0.1 {port}", "--dialogue", big, "--budget", "10s"}},
		{"points a second with a C client, started for each", "60", []string{"--client", filepath.Join(fixtures, "line-c-client") + " {host} {port}", "--dialogue", filepath.Join(fixtures, "..", "..", "fixtures", "line", "client-dialogue.yaml"), "--budget", "10s"}},
	} {
		s, err := exploreOnce(ctx, folder, harness, row.args...)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		if _, err := fmt.Fprintf(out, "%-66s %8.0f (%d points, %d findings)  goal %s\n", row.name, float64(s.Points)/(s.Elapsed/1000), s.Points, s.findings, row.goal); err != nil {
			return err
		}
	}
	whole, err := exploreOnce(ctx, folder, harness, "--server", server, "--dialogue", big, "--fault", "split,fin,reset,vanish,stall", "--budget", "0")
	if err != nil {
		return err
	}
	took, err := timeCommand(ctx, folder, harness, "replay", small, "--against", addr, "--times", fmt.Sprint(replayTimes))
	if err != nil {
		return err
	}
	kB, processes, err := memoryOf(ctx, folder, harness, exploreArgs("--server", server, "--dialogue", big, "--budget", "10s")...)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "every offset of 4 KB × 5 faults × both directions: %d points in %.1f s; goal 15 s\nexchanges replayed a second: %.0f; goal 2000\nexplore for 10 s: at most %d MB in %d processes; goal 200 MB\n",
		whole.Points, whole.Elapsed/1000, 2*replayTimes/took.Seconds(), kB/1000, processes)
	return err
}

// writeLineDialogue writes a conversation with the line server; lines and length say how long.
func writeLineDialogue(path string, lines, length int) error {
	text := "dialogue: bench\nframing: line\nexchanges:\n"
	for i := range lines {
		line := fmt.Sprintf("%02d", i) + strings.Repeat("x", length-3)
		text += fmt.Sprintf("  - {send: %q, expect: %q}\n", line+"\n", strings.ToUpper(line)+"\n")
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

func exploreArgs(args ...string) []string {
	return append([]string{"explore", "--store", "none", "--json", "-"}, args...)
}

// An explored is what one exploration came to.
type explored struct {
	Points   int     `json:"points"`
	Elapsed  float64 `json:"elapsed_ms"`
	findings int
}

func exploreOnce(ctx context.Context, folder, harness string, args ...string) (explored, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness, exploreArgs(args...)...)
	cmd.Dir = folder
	text, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: it has found something
		return explored{}, fmt.Errorf("%w\n%s", err, text)
	}
	var d struct {
		Findings []struct{ Rule string } `json:"findings"`
		Searches []explored              `json:"searches"`
	}
	if err := json.Unmarshal(text, &d); err != nil || len(d.Searches) != 1 {
		return explored{}, fmt.Errorf("explore: no result: %w", err)
	}
	d.Searches[0].findings = len(d.Findings)
	return d.Searches[0], nil
}
