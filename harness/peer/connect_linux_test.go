package peer

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// connecting connects to an address of its own, also without blocking, and says what came of it.
const connecting = `
import errno, select, socket, sys
def said(e): return errno.errorcode.get(e, str(e))
for blocks in (True, False):
    s = socket.socket()
    s.setblocking(blocks)
    e = s.connect_ex(("192.0.2.7", 5432))
    if e == errno.EINPROGRESS:
        select.select([], [s], [])
        e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    print(said(e) if e else s.getpeername()[1])
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect(("127.0.0.1", 9))
print("datagrams go on")
`

func runConnecting(t *testing.T, onConnect func(netip.AddrPort) ConnectReply) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN HERE: python3 is not installed")
	}
	p, err := Command{Args: []string{python, "-c", connecting}, OnConnect: onConnect}.StartClient(t.Context(), Vars{Tmp: t.TempDir()})
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
	return strings.TrimSpace(string(p.Stdout().TailBytes()))
}

func TestConnectFails(t *testing.T) {
	var to atomic.Value
	began := time.Now()
	got := runConnecting(t, func(at netip.AddrPort) ConnectReply {
		to.Store(at)
		return ConnectReply{Errno: syscall.EHOSTUNREACH, Delay: 50 * time.Millisecond}
	})
	if got != "EHOSTUNREACH\nEHOSTUNREACH\ndatagrams go on" || to.Load() != netip.MustParseAddrPort("192.0.2.7:5432") {
		t.Errorf("a connect to %v: got %q", to.Load(), got)
	}
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("two delays of 50 ms took %s", took)
	}
}

func TestConnectIsRedirected(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	got := runConnecting(t, func(netip.AddrPort) ConnectReply { return ConnectReply{To: at} })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if want := port + "\n" + port + "\ndatagrams go on"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Our runtime signals its threads all the time, and what waits in the kernel with a limit
// or for a lock is interrupted by that.
func TestConnectUnderSignals(t *testing.T) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			default:
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGURG)
				runtime.Gosched()
			}
		}
	}()
	defer func() { close(done); <-stopped }()
	for range 2 {
		got := runConnecting(t, func(netip.AddrPort) ConnectReply { return ConnectReply{Errno: syscall.EHOSTUNREACH} })
		if got != "EHOSTUNREACH\nEHOSTUNREACH\ndatagrams go on" {
			t.Errorf("got %q", got)
		}
	}
}

// A client that is killed in its connect leaves nothing behind that waits.
func TestConnectIsAbandoned(t *testing.T) {
	entered := make(chan struct{}, 2)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN HERE: python3 is not installed")
	}
	p, err := Command{Args: []string{python, "-c", connecting}, OnConnect: func(netip.AddrPort) ConnectReply {
		entered <- struct{}{}
		return ConnectReply{Errno: syscall.ETIMEDOUT, Delay: time.Hour}
	}}.StartClient(t.Context(), Vars{Tmp: t.TempDir()})
	if errors.Is(err, ErrNoInterception) {
		t.Skipf("SKIPPED, NOT PROVEN HERE: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	p.KillTree()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// asking looks a name up in two ways, each of which reads the file, and connects to it.
const asking = `
import socket
print(open("/etc/hosts").read().split()[-2:], open("/etc/passwd").read() != "")
print(socket.getaddrinfo("db.example.invalid", 5432, type=socket.SOCK_STREAM)[0][4])
print(socket.create_connection(("db.example.invalid", 5432), 30).getpeername()[1])
`

// TestHostsAreRead gives a program a file of names, and leads it where a name connects to.
func TestHostsAreRead(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN HERE: python3 is not installed")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	to := netip.MustParseAddrPort(l.Addr().String())
	invented := netip.MustParseAddrPort("127.77.0.1:5432")
	p, err := Command{Args: []string{python, "-c", asking}, Hosts: "127.77.0.1 db.example.invalid\n", OnConnect: func(at netip.AddrPort) ConnectReply {
		if at == invented {
			return ConnectReply{To: to}
		}
		return ConnectReply{}
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
	want := fmt.Sprintf("['127.77.0.1', 'db.example.invalid'] True\n('127.77.0.1', 5432)\n%d\n", to.Port())
	if got := string(p.Stdout().TailBytes()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// asksNames reads where names are asked, and asks there from a socket that it connects.
const asksNames = `
import socket
print(open("/etc/resolv.conf").read().split())
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
s.connect(("127.78.0.1", 53))
s.send(b"question")
print(s.recv(100))
`

// TestNameServerIsTold gives a program another name server, at a port that no program can be told.
func TestNameServerIsTold(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED, NOT PROVEN HERE: python3 is not installed")
	}
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	defer func() { server.Close(); <-done }()
	go func() {
		defer close(done)
		b := make([]byte, 100)
		if n, from, err := server.ReadFrom(b); err == nil {
			server.WriteTo(append([]byte("answer to "), b[:n]...), from)
		}
	}()
	at := netip.MustParseAddrPort(server.LocalAddr().String())
	p, err := Command{Args: []string{python, "-c", asksNames}, ResolvConf: "nameserver 127.78.0.1\n",
		OnConnect: func(netip.AddrPort) ConnectReply { return ConnectReply{Errno: syscall.EACCES} },
		OnDatagramConnect: func(to netip.AddrPort) ConnectReply {
			if to != netip.MustParseAddrPort("127.78.0.1:53") {
				return ConnectReply{}
			}
			return ConnectReply{To: at}
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
	if got, want := string(p.Stdout().TailBytes()), "['nameserver', '127.78.0.1']\nb'answer to question'\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
