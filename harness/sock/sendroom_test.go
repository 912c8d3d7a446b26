package sock_test

import (
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

// The server sends when a byte comes: one send of 18 bytes.
const sendingOnce = `
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
print(c.fileno(), flush=True)
c.recv(1)
c.setblocking(False)
try:
    print(c.send(b"0123456789ABCDEFGH"), flush=True)
except BlockingIOError:
    print(0, flush=True)
`

func TestLeaveSendRoom(t *testing.T) {
	linuxOnly(t)
	for _, room := range []int{1, 9, 17} {
		for tries := 1; !sendsInto(t, room); tries++ {
			if tries == 10 {
				t.Fatalf("room %d: no send took a byte in %d tries", room, tries)
			}
		}
	}
}

// sendsInto reports whether a send took the room; the kernel's probe of a window that is
// closed may have used it up.
func sendsInto(t *testing.T, room int) bool {
	t.Helper()
	server := start(t, "python3", "-c", sendingOnce)
	conn := dialTiny(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(server.number())))
	fd, pid := server.number(), server.cmd.Process.Pid
	filled, err := sock.LeaveSendRoom(bounded(t), pid, fd, room)
	if err != nil {
		t.Fatal(err)
	}
	queued, blocks, err := sock.SendQueueOf(pid, fd)
	if err != nil || !blocks || queued == 0 || queued > filled {
		t.Errorf("room %d: got %d bytes queued of %d, blocks %t, %v", room, queued, filled, blocks, err)
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	n := server.number()
	if n == 0 {
		return false
	}
	if n != room {
		t.Errorf("room %d: a send of 18 bytes took %d", room, n)
	}
	got := make([]byte, filled+room)
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	if rest := string(got[filled:]); got[filled-1] != sock.Filler || rest != "0123456789ABCDEFGH"[:room] {
		t.Errorf("room %d: behind the filler came %q", room, rest)
	}
	return true
}
