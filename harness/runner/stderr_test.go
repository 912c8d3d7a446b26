package runner

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// crashing answers lines in upper case. A line "die" closes its listener and all its
// clients, and only later writes why, and ends: as interpreters do.
const crashing = `
import os, socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("an old complaint: ValueError: of another client", file=sys.stderr, flush=True)
while True:
    c, _ = s.accept()
    for line in c.makefile("rb"):
        if line == b"die\n":
            s.close(); c.close()
            time.sleep(.03)
            print("Traceback (most recent call last):\n  File \"server.py\", line 9, in serve\nBadRequest: die\nexit status 1", file=sys.stderr, flush=True)
            os._exit(1)
        c.sendall(line.upper())
    c.close()
`

// The last output of a process is read after its end, and is part of the message.
func TestLastWordsAreReadAfterTheEnd(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		if python, err = exec.LookPath("python3"); err != nil {
			t.Skip("SKIPPED: no python3")
		}
	}
	target := scenario.Target{
		Name:   "crashing",
		Server: scenario.Peer{Command: []string{python, "-c", crashing, "{port}"}},
		Client: scenario.Peer{Dialogue: &scenario.Source{File: "upper.yaml", Text: []byte(conversation)}},
		Test:   scenario.Server,
	}
	r := play1(t, target, playing(scenario.Variant{
		Run: func(ctx context.Context, rig scenario.Rig) error {
			conn, err := rig.DialServer(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			rig.ReportStruck("told to die")
			if _, err := conn.Write([]byte("die\n")); err != nil {
				return err
			}
			_, _ = conn.Read(make([]byte, 1)) // until the end that was asked for
			return nil
		},
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}))
	want(t, r, outcome.Fail, "exited with status 1; it wrote: BadRequest: die")
	if !strings.Contains(r.Stderr, "BadRequest: die") || !strings.HasPrefix(r.Cause, "process ended: ") {
		t.Errorf("got stderr %q, cause %q", r.Stderr, r.Cause)
	}
}
