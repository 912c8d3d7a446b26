package peer

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var ready = regexp.MustCompile("^ready$")

// Every tree says "ready" when its last member runs; $1 is what it sleeps.
var trees = map[string]string{
	"obeys":                    `echo ready; exec sleep $1`,
	"ignores SIGTERM":          `trap "" TERM; sleep $1 & echo ready; wait; sleep $1`,
	"stopped":                  `echo ready; kill -STOP $$; sleep $1`,
	"grandchildren":            `sleep $1 & (sleep $1 & sleep $1 & wait) & echo ready; wait`,
	"own group":                `setsid sh -c "sleep $1 & echo ready; wait" & wait`,
	"daemon":                   `(setsid sh -c "sleep $1 >/dev/null 2>&1 & echo ready" &); exec sleep $1`,
	"daemon alone":             `(setsid sh -c "sleep $1 >/dev/null 2>&1 & echo ready" &)`,
	"daemon without env":       `(env -i setsid sh -c "sleep $1 >/dev/null 2>&1 & echo ready" &)`,
	"daemon that has the pipe": `(env -i setsid sh -c "sleep $1 & echo ready" &)`,
	"daemon that ignores":      `(setsid sh -c "trap '' TERM; sleep $1 >/dev/null 2>&1 & echo ready" &)`,
	"crowd":                    `for i in 1 2 3 4 5 6 7 8 9 10; do setsid sleep $1 & done; echo ready; wait`,
	"breeds":                   `(setsid sh -c "trap '' TERM; echo ready; while :; do (sleep $1 >/dev/null 2>&1 &); sleep 0.01; done" &); wait`,
}

func TestStopLeavesNobody(t *testing.T) {
	for name, text := range trees {
		t.Run(name, func(t *testing.T) {
			nap := fmt.Sprintf("1000.%09d", rand.IntN(1e9))
			c := sh(text, nap)
			c.Grace = 20 * time.Millisecond
			p := client(t, c, Vars{})
			if _, err := p.Stdout().WaitFor(within(t), ready); err != nil {
				t.Fatal(err)
			}
			limit := within(t)
			for !slices.Equal(p.ApproxTree(), p.ProcessTree()) { // until those that daemonize have
				if limit.Err() != nil {
					t.Fatalf("near %v, tree %v", p.ApproxTree(), p.ProcessTree())
				}
			}
			if _, err := p.StopTree(within(t)); err != nil {
				t.Error(err)
			}
			wantNobody(t, p, nap)
			if _, err := p.StopTree(within(t)); err != nil {
				t.Errorf("second stop: %v", err)
			}
		})
	}
}

// wantNobody asks the process table itself, not the code under test.
func wantNobody(t *testing.T, p *Process, nap string) {
	t.Helper()
	if left := p.ProcessTree(); len(left) > 0 {
		t.Errorf("tree %v, want nobody", left)
	}
	all, _ := readProcesses()
	for pid, m := range all {
		line, _ := os.ReadFile(procPath(pid, "cmdline"))
		if pid != os.Getpid() && bytes.Contains(line, []byte(nap)) {
			t.Errorf("process %d is left: %q", pid, line)
		}
		if m.zombie && m.parent == os.Getpid() {
			limit, _ := limitOf(pid)
			t.Errorf("zombie %d is left: %+v, limit %x, mark %x", pid, m, limit, p.mark.limit)
		}
	}
}

func TestStopTellsHowItEnded(t *testing.T) {
	cases := map[string]syscall.Signal{
		`echo ready; exec sleep 1000`:                            syscall.SIGTERM,
		`trap "" TERM; echo ready; while :; do sleep 1000; done`: syscall.SIGKILL,
	}
	for text, want := range cases {
		c := sh(text)
		c.Grace = 20 * time.Millisecond
		p := client(t, c, Vars{})
		if _, err := p.Stdout().WaitFor(within(t), ready); err != nil {
			t.Fatal(err)
		}
		exit, err := p.StopTree(within(t))
		if err != nil || exit.Signal != want || !exit.Killed {
			t.Errorf("%s: exit %v, %v, want %v by the harness", text, exit, err, want)
		}
	}
	p := client(t, sh("exit 4"), Vars{})
	wait(t, p)
	if exit, err := p.StopTree(within(t)); err != nil || exit.Code != 4 || exit.Killed {
		t.Errorf("exit %v, %v, want status 4, its own", exit, err)
	}
}

func TestStopGivesAGraceOnlyWhileTheContextLives(t *testing.T) {
	c := sh(`trap "" TERM; echo ready; while :; do sleep 1000; done`)
	c.Grace = time.Hour
	p := client(t, c, Vars{})
	if _, err := p.Stdout().WaitFor(within(t), ready); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if exit, err := p.StopTree(ctx); err != nil || exit.Signal != syscall.SIGKILL {
		t.Errorf("exit %v, %v, want SIGKILL", exit, err)
	}
}

func TestStopWhenAStrangerHoldsTheOutput(t *testing.T) {
	p := client(t, sh("echo ready; exec sleep 1000"), Vars{})
	if _, err := p.Stdout().WaitFor(within(t), ready); err != nil {
		t.Fatal(err)
	}
	for _, fd := range []string{"fd/1", "fd/2"} {
		held, err := os.OpenFile(procPath(p.Pid(), fd), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
	}
	if exit, err := p.StopTree(within(t)); err != nil || exit.Signal != syscall.SIGTERM {
		t.Errorf("exit %v, %v, want SIGTERM", exit, err)
	}
}

func TestKillAndSignal(t *testing.T) {
	p := client(t, sh(`trap "echo usr1" USR1; echo ready; while :; do sleep 1000 & wait; done`), Vars{})
	if _, err := p.Stdout().WaitFor(within(t), ready); err != nil {
		t.Fatal(err)
	}
	if err := p.SignalGroup(syscall.SIGUSR1); err != nil {
		t.Error(err)
	}
	if _, err := p.Stdout().WaitFor(within(t), regexp.MustCompile("usr1")); err != nil {
		t.Error(err)
	}
	p.KillTree()
	if exit := wait(t, p); exit.Signal != syscall.SIGKILL || !exit.Killed {
		t.Errorf("exit %v, want SIGKILL by the harness", exit)
	}
	if err := p.SignalGroup(syscall.SIGUSR1); err != os.ErrProcessDone {
		t.Errorf("signal after the end: %v, want %v", err, os.ErrProcessDone)
	}
}

const daemonize = `
import os, sys, socket
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
while True: s.accept()[0].close()
`

func TestServerThatDaemonizes(t *testing.T) {
	py, path := python(t), script(t, "daemonize.py", daemonize)
	for _, port := range []string{"0", "{port}"} {
		p := server(t, Command{Args: []string{py, path, port}}, Vars{})
		if exit := wait(t, p); exit.Code != 0 {
			t.Errorf("exit %v, want status 0", exit)
		}
		if len(p.ProcessTree()) == 0 {
			t.Error("the tree is empty, want the daemon")
		}
		if err := (Address{Addr: p.ListenAddr().String()}).CheckListening(within(t)); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		wantNobody(t, p, path)
	}
}

func TestManyAtOnce(t *testing.T) {
	done := make(chan error)
	const many = 8
	for range many {
		go func() {
			p, err := sh(`(setsid sleep 1000 &); sleep 1000`).StartClient(within(t), Vars{})
			if err == nil {
				err = p.Close()
			}
			done <- err
		}()
	}
	for range many {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestRunsOfMarks(t *testing.T) {
	block := []byte("A=1\x00HARNESS_PEER=x,abc,y\x00B=HARNESS_PEER=zzz\x00")
	for id, want := range map[string]bool{"x": true, "abc": true, "y": true, "ab": false, "zzz": false, "": false} {
		if got := envCarries(block, peerVariable, id); got != want {
			t.Errorf("carries %q = %v, want %v", id, got, want)
		}
	}
	if env := newMark().addToEnv(nil); len(env) != 1 || !strings.HasPrefix(env[0], "HARNESS_PEER=") {
		t.Errorf("environ %q", env)
	}
}
