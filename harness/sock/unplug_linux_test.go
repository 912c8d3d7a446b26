package sock_test

import (
	"errors"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sock"
)

// setOptions sets options of TCP.
func setOptions(t *testing.T, c syscall.Conn, options map[int]int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	_ = raw.Control(func(fd uintptr) {
		for option, value := range options {
			failed = errors.Join(failed, unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value))
		}
	})
	if failed != nil {
		t.Fatal(failed)
	}
}

// wantTimedOut reads until the kernel gives the connection up.
func wantTimedOut(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := c.Read(make([]byte, 16)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("got %d bytes, %v, want ETIMEDOUT of the kernel", n, err)
	}
}

// unplugged checks what a peer sees of an end without a cable, by whichever means.
func unplugged(t *testing.T, address, how string) {
	l := listen(t, address)
	connect := func() (client, server *net.TCPConn) {
		client = dial(t, l.Addr().String())
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if got, err := sock.Unplug(c.(*net.TCPConn)); err != nil || got != how {
			t.Fatalf("got %q, %v, want %s", got, err, how)
		}
		return client, c.(*net.TCPConn)
	}
	// TCP_USER_TIMEOUT of a client that sends.
	client, _ := connect()
	setOptions(t, client, map[int]int{unix.TCP_USER_TIMEOUT: 300})
	write(t, client, "anybody?")
	wantTimedOut(t, client)
	// Keep-alive of one that waits.
	client, _ = connect()
	if err := client.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 1}); err != nil {
		t.Fatal(err)
	}
	wantTimedOut(t, client)
	// A cable that is put back: what was sent meanwhile arrives.
	client, server := connect()
	write(t, client, "hello")
	if err := sock.Replug(server); err != nil {
		t.Fatal(err)
	}
	_ = server.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 16)
	if n, err := server.Read(b); err != nil || string(b[:n]) != "hello" {
		t.Errorf("after the replug: got %q, %v", b[:n], err)
	}
}

// asNobody runs f in a thread without privileges, which ends with it.
func asNobody(t *testing.T, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		const nobody = 65534
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			t.Errorf("setresuid: %v", errno)
			return
		}
		f()
	}()
	<-done
}

func TestUnplugWithoutPrivilege(t *testing.T) {
	how := "min-ttl"
	asNobody(t, func() { // older kernels permit the filter to anybody
		client, _ := pair(t)
		if got, err := sock.Unplug(client); err == nil {
			how = got
		}
	})
	t.Logf("without CAP_NET_ADMIN: by %s", how)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		asNobody(t, func() { unplugged(t, address, how) })
	}
}

func TestUnplugByFilter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs CAP_NET_ADMIN: run as root; the way that anybody has is tested by TestUnplugWithoutPrivilege")
	}
	unplugged(t, "127.0.0.1:0", "filter")
}

func TestUnplugNeedsTCP(t *testing.T) {
	client, _ := unixPair(t)
	if how, err := sock.Unplug(client); !errors.Is(err, sock.ErrUnsupported) {
		t.Errorf("got %q, %v, want unsupported", how, err)
	}
}

func TestCloseSilently(t *testing.T) {
	if os.Geteuid() == 0 {
		client, server := pair(t)
		if err := sock.CloseSilently(server); err != nil {
			t.Fatal(err)
		}
		_ = client.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		wantRead(t, client, os.ErrDeadlineExceeded)
		write(t, client, "anybody?")
		_ = client.SetReadDeadline(time.Now().Add(time.Minute))
		wantRead(t, client, syscall.ECONNRESET) // a host that is up again
	}
	asNobody(t, func() {
		client, server := pair(t)
		if err := sock.CloseSilently(server); !errors.Is(err, sock.ErrUnsupported) {
			t.Errorf("got %v, want unsupported", err)
		}
		wantRead(t, client, syscall.ECONNRESET)
	})
}
