package probe_test

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// outsideCall starts a process that listens with the backlog, prints its port and runs
// the statement, and returns the port.
func outsideCall(t *testing.T, backlog, statement string) (port string) {
	t.Helper()
	cmd := exec.Command("python3", "-c", "import socket,time\nl=socket.create_server(('127.0.0.1',0),backlog="+backlog+
		")\nprint(l.getsockname()[1],flush=True)\n"+statement+"\ntime.sleep(600)")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("python3 is not installed: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// TestPendingOutside: an answer may come from a process outside once it accepts.
func TestPendingOutside(t *testing.T) {
	port := outsideCall(t, "16", "")
	r := subject{argv: python("", `
u=socket.create_connection(('127.0.0.1',`+port+`))
u.sendall(b'x')
c.sendall(b'k')
u.recv(1)`)}.start(t, nap)
	r.readable(t)
	r.hear(t)
	refutes(t, r, 4*nap)
}

// TestPendingInside: nobody else accepts what waits in a queue of the tree's own.
func TestPendingInside(t *testing.T) {
	r := subject{argv: python("", `
l=socket.create_server(('127.0.0.1',0))
u=socket.create_connection(l.getsockname())
c.sendall(b'k')
u.recv(1)`)}.start(t, nap)
	r.readable(t)
	r.hear(t)
	diagnoses(t, r)
}

// TestWriterAfterFIN: a process outside that has ended its own direction may read on.
func TestWriterAfterFIN(t *testing.T) {
	port := outsideCall(t, "16", `c,_=l.accept(); c.shutdown(socket.SHUT_WR)`)
	r := subject{argv: python("", `
u=socket.create_connection(('127.0.0.1',`+port+`))
u.recv(1)
c.sendall(b'k')
u.sendall(b'x'*(64<<20))`)}.start(t, nap)
	r.readable(t)
	r.hear(t)
	refutes(t, r, time.Second) // the kernel takes some 200 ms to ask whether the window is still closed
}
