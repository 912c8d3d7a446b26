package peer

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestReadyLog(t *testing.T) {
	for _, text := range []string{"echo noise; echo now up; exec sleep 1000", "echo now up >&2; exec sleep 1000"} {
		c := sh(text)
		c.Ready = Ready{Log: `now up$`, NoListen: true}
		p := server(t, c, Vars{})
		if out := string(p.Stdout().TailBytes()) + string(p.Stderr().TailBytes()); !strings.Contains(out, "now up") {
			t.Errorf("output %q", out)
		}
	}
}

func TestReadyLogThatNeverComes(t *testing.T) {
	c := sh("echo no; exit 0")
	c.Ready = Ready{Log: "yes"}
	_, err := c.StartClient(within(t), Vars{})
	if err == nil || !strings.HasSuffix(err.Error(), "exited with status 0 before it was ready: no") {
		t.Errorf("error %v", err)
	}
	c = sh("echo no; exec sleep 1000")
	c.Ready, c.StartTimeout = Ready{Log: "yes"}, 50*time.Millisecond
	_, err = c.StartClient(within(t), Vars{})
	// On a busy machine the shell itself may be busy for longer than the limit.
	want := regexp.MustCompile(`not ready after \d+ms(, in which it was busy for \d+m?s)?: no line of its output matched "yes"`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("error %v", err)
	}
	c.Ready.Log = "("
	if _, err = c.StartClient(within(t), Vars{}); err == nil || !strings.Contains(err.Error(), "missing closing )") {
		t.Errorf("error %v", err)
	}
}

func TestReadyExec(t *testing.T) {
	tmp := t.TempDir()
	c := sh("echo > $1/up; exec sleep 1000", "{tmp}")
	c.Ready = Ready{Exec: []string{"test", "-e", "{tmp}/up"}, NoListen: true}
	server(t, c, Vars{Tmp: tmp})
	if _, err := os.Stat(filepath.Join(tmp, "up")); err != nil {
		t.Error(err)
	}
	c.Ready.Exec = []string{"no-such-probe"}
	if _, err := c.StartClient(within(t), Vars{Tmp: tmp}); err == nil || !strings.Contains(err.Error(), "ready exec: probe no-such-probe: executable file not found") {
		t.Errorf("error %v", err)
	}
	c.Ready.Exec, c.StartTimeout = []string{"false"}, 50*time.Millisecond
	if _, err := c.StartClient(within(t), Vars{Tmp: tmp}); err == nil || !strings.Contains(err.Error(), "the probe false exited with status 1") {
		t.Errorf("error %v", err)
	}
	c.Ready.Exec, c.StartTimeout = []string{"sleep", "1000"}, 50*time.Millisecond
	if _, err := c.StartClient(within(t), Vars{Tmp: tmp}); err == nil || !strings.Contains(err.Error(), "the probe sleep 1000 has not ended yet") {
		t.Errorf("error %v", err)
	}
}

func TestFreePort(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, release, err := FreePort("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if seen[port] {
			t.Errorf("port %d was given out twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Errorf("port is not free: %v", err)
			continue
		}
		if canBind(port) {
			t.Errorf("port %d counts as free while somebody listens", port)
		}
		l.Close()
	}
}

func TestServerIsTriedAgainWhenItsPortWasTaken(t *testing.T) {
	py, path, tmp := python(t), script(t, "serve.py", serve), t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// A stranger that takes the first port: it binds it and stays, out of reach.
	text := `if [ ! -e $3/taken ]; then echo $4 > $3/taken; while [ ! -e $3/done ]; do sleep 0.01; done; fi; exec "$1" "$2" 127.0.0.1 $4`
	stranger := make(chan error, 1)
	go func() { stranger <- takePort(t, tmp) }()
	p := server(t, sh(text, py, path, "{tmp}", "{port}"), Vars{Tmp: tmp})
	if err := <-stranger; err != nil {
		t.Fatal(err)
	}
	taken, _ := os.ReadFile(filepath.Join(tmp, "taken"))
	if got := strconv.Itoa(int(p.ListenAddr().Port())); got == strings.TrimSpace(string(taken)) {
		t.Errorf("listens on %s, which was taken", got)
	}
}

// takePort listens on the port that the file "taken" names, until the test is over.
func takePort(t *testing.T, tmp string) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		text, _ := os.ReadFile(filepath.Join(tmp, "taken"))
		if !strings.HasSuffix(string(text), "\n") {
			if t.Context().Err() != nil {
				return t.Context().Err()
			}
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strings.TrimSpace(string(text)))
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		return os.WriteFile(filepath.Join(tmp, "done"), nil, 0o600)
	}
	return nil
}

func TestAddressCheck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s.sock")
	u, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	tcp, unix := Address{Addr: l.Addr().String()}, Address{Network: "unix", Addr: path}
	for _, a := range []Address{tcp, unix} {
		if err := a.CheckListening(within(t)); err != nil {
			t.Error(err)
		}
	}
	u.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	u.Close()
	for a, want := range map[Address]error{
		tcp:                            syscall.ECONNREFUSED,
		unix:                           syscall.ECONNREFUSED,
		{Network: "unix", Addr: "/no"}: syscall.ENOENT,
		{Network: "udp", Addr: "x:1"}:  errors.ErrUnsupported,
	} {
		if err := a.CheckListening(within(t)); !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "address "+a.String()) {
			t.Errorf("%v: error %v, want %v", a, err, want)
		}
	}
}

func TestAddressCheckDoesNotConnect(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "127.9.9.9"} {
		if !listensTCP(net.JoinHostPort(host, port)) {
			t.Errorf("%s is not seen to listen", host)
		}
	}
	for _, host := range []string{"192.0.2.1", "::1", "name.invalid"} {
		if listensTCP(net.JoinHostPort(host, port)) {
			t.Errorf("%s is seen to listen", host)
		}
	}
}

// Only the time in which a starting process sleeps counts: one that computes is slow.
func TestBusyStartIsWaitedFor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux tells what another process does")
	}
	py, path := python(t), script(t, "slow.py", `
import sys, time
begin = time.monotonic()
while time.monotonic() < begin + 2.5: pass
print("now up", flush=True)
time.sleep(1000)
`)
	c := Command{Args: []string{py, path}, Ready: Ready{Log: "now up"}, StartTimeout: 2 * time.Second}
	p, err := c.StartClient(within(t), Vars{})
	if err != nil {
		t.Fatalf("got %v; want a start that lasts as long as it computes", err)
	}
	p.Close()
	c.StartTimeout = 300 * time.Millisecond
	c.Args = []string{py, "-c", "while True: pass"}
	if _, err = c.StartClient(within(t), Vars{}); err == nil || !strings.Contains(err.Error(), "in which it was busy for") {
		t.Errorf("got %v; want an end to the patience with a process that computes for ever", err)
	}
}
