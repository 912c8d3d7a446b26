package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// loadSource is the program that makes the traffic and answers it. It is in C, so that
// neither the language nor a library of what is compared is in it.
//
//go:embed load/load.c
var loadSource []byte

// buildLoad compiles the program into a folder and returns its path.
func buildLoad(ctx context.Context, folder string) (string, error) {
	source, program := filepath.Join(folder, "load.c"), filepath.Join(folder, "load")
	if err := os.WriteFile(source, loadSource, 0o600); err != nil {
		return "", err
	}
	text, err := exec.CommandContext(ctx, "cc", "-O2", "-pthread", "-o", program, source).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the clients and the server need a C compiler (make tools): %w\n%s", err, text)
	}
	return program, nil
}

// A loadResult is what one run of the clients has measured.
type loadResult struct {
	operations int
	took       time.Duration
	p50, p99   float64 // of one operation, µs
	usage      usage
}

// A usage is what a measurement has used of the machine.
type usage struct {
	client, proxy, server time.Duration // of processor time
	switches              float64       // of threads of the proxy
	others                float64       // share of the machine that other programs have used
}

func (u usage) total() time.Duration { return u.client + u.proxy + u.server }

// runLoad has the clients do something to an instance.
func (b *bench) runLoad(ctx context.Context, i instance, act string, args ...any) (r loadResult, err error) {
	before, err := b.lookAt(i)
	if err != nil {
		return r, err
	}
	words := []string{act, i.addr}
	for _, a := range args {
		words = append(words, fmt.Sprint(a))
	}
	cmd := exec.CommandContext(ctx, b.load, words...)
	var failed strings.Builder
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("load %s: %w: %s", strings.Join(words, " "), err, failed.String())
	}
	var seconds float64
	if _, err := fmt.Sscan(string(out), &r.operations, &seconds, &r.p50, &r.p99); err != nil {
		return r, fmt.Errorf("load %s: %w", act, err)
	}
	r.took = time.Duration(seconds * float64(time.Second))
	after, err := b.lookAt(i)
	client := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	r.usage = after.since(before, client)
	b.others = append(b.others, r.usage.others)
	return r, err
}

// A snapshot is what the kernel has counted by some moment.
type snapshot struct {
	proxy, server time.Duration
	switches      int64
	machine       machineTime
}

func (b *bench) lookAt(i instance) (s snapshot, err error) {
	var failed [4]error
	s.server, failed[0] = processorTime(b.server.pid)
	if i.pid != 0 {
		s.proxy, failed[1] = processorTime(i.pid)
		s.switches, failed[2] = contextSwitches(i.pid)
	}
	s.machine, failed[3] = readMachineTime()
	return s, errors.Join(failed[:]...)
}

func (s snapshot) since(before snapshot, client time.Duration) usage {
	u := usage{client: client, proxy: s.proxy - before.proxy, server: s.server - before.server,
		switches: float64(s.switches - before.switches)}
	if all := s.machine.all - before.machine.all; all > 0 {
		busy := s.machine.busy - before.machine.busy
		u.others = max(0, float64(busy-u.total())/float64(all))
	}
	return u
}
