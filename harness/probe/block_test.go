package probe_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// TestBlockedByUs: a process that cannot send because we do not read is not stuck.
func TestBlockedByUs(t *testing.T) {
	r := subject{argv: python("", "c.sendall(b'k'*(64<<20))")}.start(t, nap)
	r.readable(t)
	refutes(t, &running{conn: nil, cmd: r.cmd}, 4*nap)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := probe.StuckCheck{Tree: func() []int { return []int{r.cmd.Process.Pid} }, NeverReads: true}.ProveStuck(ctx)
	if err != nil || !strings.Contains(d.String(), "waits without end in send") {
		t.Errorf("got %q, %v; to the deaf it is stuck", d, err)
	}
}

// TestUnread: what lies unread is part of the diagnosis.
func TestUnread(t *testing.T) {
	r := subject{argv: python("", "c.setsockopt(socket.SOL_SOCKET,socket.SO_RCVLOWAT,7); c.sendall(b'k'); c.recv(7)")}.start(t, nap)
	r.readable(t)
	r.hear(t)
	diagnoses(t, r) // what comes before the call has begun would be copied into it
	r.say(t, "abc")
	d := diagnoses(t, r)
	if d.Waits[0].Unread != 3 || !strings.HasSuffix(d.String(), ", where 3 bytes are unread") {
		t.Errorf("got %q, want 3 bytes unread", d)
	}
}

// TestDeadlock: two processes of one tree that wait for each other.
func TestDeadlock(t *testing.T) {
	r := subject{argv: python("import os", `
a,b=socket.socketpair()
l=socket.create_server(('127.0.0.1',0))
x=socket.create_connection(l.getsockname()); y,_=l.accept()
if os.fork()==0: y.recv(1); os._exit(0)
c.sendall(b'k')
x.recv(1)
`)}.start(t, nap)
	r.readable(t)
	r.hear(t)
	d := diagnoses(t, r)
	if len(d.Waits) != 2 || strings.Count(d.String(), "no peer has data for it") != 2 || !strings.Contains(d.String(), "the connection from 127.0.0.1:") {
		t.Errorf("got %q, want two that wait for each other", d)
	}
	t.Log(d)
}
