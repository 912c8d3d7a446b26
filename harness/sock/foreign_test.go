package sock_test

import (
	"errors"
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

const sendingServer = `
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
for _ in range(2):
    c, _ = s.accept()
    c.setblocking(False)
    print(c.send(b"x" * 4096), flush=True)
    c.close()
`

func TestShrinkSendBufferOfAnotherProcess(t *testing.T) {
	linuxOnly(t)
	server := start(t, "python3", "-c", sendingServer)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(server.number()))
	dialTiny(t, addr)
	if n := server.number(); n != 4096 {
		t.Fatalf("before: send(4096) took %d bytes", n)
	}
	pid := server.cmd.Process.Pid
	fd, err := sock.DescriptorOf(pid, inodeOf(t, addr))
	if err != nil {
		t.Fatal(err)
	}
	if err := sock.ShrinkSendBuffer(pid, fd, 1); err != nil {
		t.Fatal(err)
	}
	dialTiny(t, addr)
	if n := server.number(); n <= 0 || n >= 4096 {
		t.Errorf("send(4096) took %d bytes, want a part", n)
	} else {
		t.Logf("send(4096) took %d bytes", n)
	}
}

// inodeOf returns the inode of the socket that listens on addr.
func inodeOf(t testing.TB, addr string) uint32 {
	t.Helper()
	all, err := openDiag(t).AllListeners()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if l.Addr.String() == addr {
			return l.Inode
		}
	}
	t.Fatalf("nobody listens on %s", addr)
	return 0
}

func TestNoSuchDescriptorOrProcess(t *testing.T) {
	linuxOnly(t)
	gone := start(t, "true")
	gone.cmd.Wait()
	pid := gone.cmd.Process.Pid
	if err := sock.ShrinkSendBuffer(os.Getpid(), 9999, 1); !errors.Is(err, sock.ErrNotFound) {
		t.Errorf("descriptor: got %v, want not found", err)
	}
	if err := sock.ShrinkSendBuffer(pid, 0, 1); !errors.Is(err, sock.ErrNotFound) {
		t.Errorf("process: got %v, want not found", err)
	}
	if _, err := sock.DescriptorOf(pid, 1); !errors.Is(err, sock.ErrNotFound) {
		t.Errorf("descriptors of a process: got %v, want not found", err)
	}
	if _, err := sock.DescriptorOf(os.Getpid(), 1); !errors.Is(err, sock.ErrNotFound) {
		t.Errorf("inode: got %v, want not found", err)
	}
}
