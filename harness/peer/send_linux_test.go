package peer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"testing"
)

// sending sends the same in four ways on a connection, and says how much was taken each time; then
// it writes to a pipe, which is no socket.
const sending = `
import os, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print(s.send(b"0123456789"), os.write(s.fileno(), b"0123456789"), s.sendmsg([b"01234", b"56789"]), os.writev(s.fileno(), [b"", b"012", b"3456789"]))
s.setblocking(False)
print(s.send(b"0123456789"), s.send(b"x"))
r, w = os.pipe()
print(os.write(w, b"0123456789"))
`

// TestSendIsShort reads each send of ten bytes on the socket and answers it, the ones that block with seven.
func TestSendIsShort(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN HERE: python3 is not installed")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		defer conn.Close()
		b, _ := io.ReadAll(conn)
		got <- string(b)
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	p, err := Command{Args: []string{python, "-c", sending, host, port}, OnConnect: func(netip.AddrPort) ConnectReply { return ConnectReply{} },
		OnSend: func(s Send) int {
			switch {
			case s.To != l.Addr().String() || s.Bytes < 10:
				return 0
			case string(s.Peek(6)) != "012345" || string(s.Peek(11)) != "0123456789":
				return 1
			case s.Blocks:
				return 7
			}
			return 3
		}}.StartClient(t.Context(), Vars{Tmp: t.TempDir()})
	if errors.Is(err, ErrNoInterception) {
		t.Skipf("SKIPPED, NOT PROVEN HERE: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	exit, err := p.WaitExit(t.Context())
	if err != nil || !exit.Success() {
		t.Fatalf("got %v, %v: %s", exit, err, p.Stderr().TailBytes())
	}
	if said := string(p.Stdout().TailBytes()); said != "7 7 7 7\n3 1\n10\n" {
		t.Errorf("the program says %q", said)
	}
	if arrived, want := <-got, fmt.Sprint("0123456", "0123456", "0123456", "0123456", "012", "x"); arrived != want {
		t.Errorf("got %q, want %q", arrived, want)
	}
}
