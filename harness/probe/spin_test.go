package probe_test

import (
	"testing"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

const spinFor = 50 * time.Millisecond

// spinsAtEOF reads on after the end of the connection, forever.
var spinsAtEOF = python("", "c.sendall(b'k')\nwhile True: c.recv(1)")

func TestSpin(t *testing.T) { spins(t) }

func TestSpinBusy(t *testing.T) {
	busy(t, 4)
	spins(t)
}

func spins(t *testing.T) {
	for range rounds(2) {
		r := subject{argv: spinsAtEOF}.start(t, nap)
		r.readable(t)
		r.hear(t)
		if b := spin(t, r); b.Busiest > 0.3 {
			t.Fatalf("got %v before the end", b)
		}
		r.conn.CloseWrite()
		b := spin(t, r)
		for deadline := time.Now().Add(10 * time.Second); b.Busiest < 0.7 && time.Now().Before(deadline); {
			b = spin(t, r)
		}
		if b.Busiest < 0.7 || b.Pid != r.cmd.Process.Pid {
			t.Fatalf("got %v after the end", b)
		}
		t.Log(b)
	}
}

func spin(t *testing.T, r *running) probe.Busy {
	t.Helper()
	b, err := probe.MeasureSpin(t.Context(), r.tree, spinFor)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
