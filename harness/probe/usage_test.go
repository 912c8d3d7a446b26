package probe_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// leaks is a program that keeps, for every byte, a connection that it made to
// us, an ended child, a thread and an open file. After 'k' it has done so.
var leaks = python("kept=[]; sys.stdout=None\nimport subprocess,os", `
while b:=c.recv(1):
    kept.append(socket.create_connection(('127.0.0.1',int.from_bytes(c.recv(2),'big'))))
    kept.append(open('/dev/null')); kept.append(b'x'*(1<<20))
    t=threading.Thread(target=threading.Event().wait,daemon=True); t.start()
    p=subprocess.Popen(['true']); kept.append(p)
    os.waitid(os.P_PID,p.pid,os.WEXITED|os.WNOWAIT)
    c.sendall(b'k')
`)

func TestUsage(t *testing.T) {
	r := subject{argv: leaks}.start(t, nap)
	before := measured(t, r)
	if g := measured(t, r).GrowthSince(before); g.String() != "nothing" {
		t.Fatalf("got %q, want nothing", g)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	const n = 3
	for range n {
		r.say(t, string([]byte{'l', byte(port >> 8), byte(port)}))
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		r.readable(t)
		r.hear(t)
		conn.Close()
	}
	g := measured(t, r).GrowthSince(before)
	for deadline := time.Now().Add(10 * time.Second); g.CloseWait < n && time.Now().Before(deadline); {
		g = measured(t, r).GrowthSince(before)
	}
	if g.Descriptors != 2*n || g.Sockets != n || g.CloseWait != n || g.Threads != n || g.Zombies != n || g.Processes != 0 {
		t.Errorf("got %+v, want %d of each and twice as many descriptors", g, n)
	}
	if g.Memory < 1<<20 || g.Switches <= 0 || g.Elapsed <= 0 || g.CPU < 0 {
		t.Errorf("got memory %d, switches %d, time %v and %v: want a megabyte and some of the others", g.Memory, g.Switches, g.Elapsed, g.CPU)
	}
	for _, words := range []string{"6 descriptors more than before: /dev/null, /dev/null, /dev/null, socket 127.0.0.1:", "(close-wait) and 2 more", "3 zombies more than before", "3 threads more"} {
		if !strings.Contains(g.String(), words) {
			t.Errorf("got %q, want %q in it", g, words)
		}
	}
	t.Log(g)
}

func measured(t *testing.T, r *running) probe.Usage {
	t.Helper()
	u, err := probe.MeasureUsage(r.tree())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestGone(t *testing.T) {
	r := subject{argv: python("", "serve()")}.start(t, nap)
	pid := r.cmd.Process.Pid
	r.cmd.Process.Kill()
	r.cmd.Wait()
	gone := func() []int { return []int{pid} }
	if _, err := probe.MeasureUsage(gone()); err != probe.ErrGone {
		t.Errorf("got %v of Measure, want %v", err, probe.ErrGone)
	}
	wantGone := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), probe.ErrGone.Error()) {
			t.Errorf("got %v, want %v", err, probe.ErrGone)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := probe.MeasureSpin(ctx, gone, time.Millisecond)
	wantGone(err)
	_, err = probe.ProveStuck(ctx, gone, nil)
	wantGone(err)
	_, err = probe.ProveStuck(ctx, func() []int { return nil }, nil)
	wantGone(err)
}
