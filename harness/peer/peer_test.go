package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// harnessVariable makes the test binary a harness that is to be killed.
const harnessVariable = "PEER_TEST_HARNESS"

func TestMain(m *testing.M) {
	if GuardianMain() {
		return
	}
	if run := os.Getenv(harnessVariable); run != "" {
		harnessMain(run)
	}
	if runtime.GOOS == "linux" {
		if err := BecomeSubreaper(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// python returns the interpreter itself, not a wrapper that takes 100 ms.
func python(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/bin/python3", "python3"} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skip("SKIPPED: python3 is not installed")
	return ""
}

func script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

const serve = `
import socket, sys, signal
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2])))
s.listen()
print("up", flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b"hello\n")
    c.close()
`

// within bounds a test that hangs; nothing is asserted about time.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func server(t *testing.T, c Command, v Vars) *Process {
	t.Helper()
	if v.Tmp == "" {
		v.Tmp = t.TempDir()
	}
	p, err := c.StartServer(within(t), v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func client(t *testing.T, c Command, v Vars) *Process {
	t.Helper()
	if v.Tmp == "" {
		v.Tmp = t.TempDir()
	}
	p, err := c.StartClient(within(t), v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func sh(text string, args ...string) Command {
	return Command{Args: append([]string{"/bin/sh", "-c", text, "sh"}, args...)}
}

func wait(t *testing.T, p *Process) Exit {
	t.Helper()
	exit, err := p.WaitExit(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return exit
}

func TestServerIsReadyWhenItListens(t *testing.T) {
	py := python(t)
	path := script(t, "serve.py", serve)
	for _, host := range []string{"127.0.0.1", "0.0.0.0", "::1", "::"} {
		for _, port := range []string{"{port}", "0"} {
			t.Run(host+" "+port, func(t *testing.T) {
				if strings.Contains(host, ":") && !hasLoopback6() {
					t.Skip("SKIPPED: no IPv6 here")
				}
				p := server(t, Command{Args: []string{py, path, host, port}}, Vars{})
				conn, err := dialContext(within(t), "tcp", p.ListenAddr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				reply := make([]byte, 6)
				if _, err := conn.Read(reply); err != nil || string(reply) != "hello\n" {
					t.Errorf("read %q, %v, want hello", reply, err)
				}
				if port == "{port}" && p.Command().Args[3] != fmt.Sprint(p.ListenAddr().Port()) {
					t.Errorf("listens on %v, was told %s", p.ListenAddr(), p.Command().Args[3])
				}
				if p.ListenAddr().Addr().IsUnspecified() {
					t.Errorf("address %v is no address to dial", p.ListenAddr())
				}
			})
		}
	}
}

func TestServerBehindAShellIsFound(t *testing.T) {
	py, path := python(t), script(t, "serve.py", serve)
	p := server(t, sh(`"$1" "$2" 127.0.0.1 0; echo over`, py, path), Vars{})
	if pids := p.ProcessTree(); len(pids) != 2 {
		t.Errorf("tree %v, want the shell and python", pids)
	}
	if !p.ListenAddr().IsValid() {
		t.Error("no address")
	}
	exit, err := p.StopTree(within(t))
	if err != nil || !exit.Killed {
		t.Errorf("exit %v, %v, want one by the harness", exit, err)
	}
	if left := p.ProcessTree(); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

func TestServerThatDiesSaysWhy(t *testing.T) {
	py := python(t)
	_, err := Command{Args: []string{py, "nosuch.py"}}.StartServer(within(t), Vars{})
	var failed *Error
	if !errors.As(err, &failed) || failed.Exit == nil || failed.Exit.Code != 2 {
		t.Fatalf("error %v, want an Error with status 2", err)
	}
	want := regexp.MustCompile(`^server \S+ nosuch.py: exited with status 2 before it listened: .*can't open file .*nosuch.py`)
	if !want.MatchString(err.Error()) {
		t.Errorf("message %q, want %v", err, want)
	}
}

func TestStartFailsAtOnce(t *testing.T) {
	for name, c := range map[string]Command{
		"client no-such-program: executable file not found in $PATH":                       {Args: []string{"no-such-program"}},
		"client : the command is empty":                                                    {},
		"client nc {port}: the command contains {port} or {addr}, and no address is known": {Args: []string{"nc", "{port}"}},
	} {
		if _, err := c.StartClient(within(t), Vars{}); err == nil || err.Error() != name {
			t.Errorf("error %v, want %s", err, name)
		}
	}
}

func TestServerThatNeverListens(t *testing.T) {
	c := sh("echo starting; while :; do read line || wait; sleep 60; done")
	c.StartTimeout = 20 * time.Millisecond
	_, err := c.StartServer(within(t), Vars{})
	want := regexp.MustCompile(`not ready after \d+ms(, in which it was busy for \d+m?s)?: it listens on no port: starting`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("error %v, want one that says that no port is open", err)
	}
}

func TestServerOnTheWrongPort(t *testing.T) {
	py, path := python(t), script(t, "serve.py", serve)
	p := server(t, Command{Args: []string{py, path, "127.0.0.1", "0"}}, Vars{})
	diag, err := sock.OpenDiag()
	if err != nil {
		t.Skip("SKIPPED: sockets of others cannot be seen here: ", err)
	}
	defer diag.Close()
	l := &listenWatch{p: p, diag: diag, port: 1, foreign: map[uint32]struct{}{}}
	if found, err := l.listenAddrs(); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v, want nothing on port 1", found, err)
	}
	want := fmt.Sprintf("late: it listens on %v, not on port 1", p.ListenAddr())
	if got := l.describeMiss(errors.New("late")).Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestServerWhosePortIsTaken(t *testing.T) {
	py, path := python(t), script(t, "serve.py", serve)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_, err = Command{Args: []string{py, path, "127.0.0.1", "{port}"}}.StartServer(within(t), Vars{Port: port})
	if err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("error %v, want Address already in use", err)
	}
}

func TestExit(t *testing.T) {
	for text, want := range map[string]Exit{
		"exit 0":        {},
		"exit 7":        {Code: 7},
		"kill -SEGV $$": {Code: -1, Signal: syscall.SIGSEGV},
	} {
		got := wait(t, client(t, sh(text), Vars{}))
		if got.Elapsed <= 0 {
			t.Errorf("%s: elapsed %v", text, got.Elapsed)
		}
		got.Elapsed, got.CPU = 0, 0 // what it took says the machine
		if got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestClientIsToldTheAddress(t *testing.T) {
	c := sh("echo $1 $2 $3 $4 $KEY", "{host}", "{port}", "{addr}", "{scenario}")
	c.Env = []string{"KEY={port}/x"}
	p := client(t, c, Vars{Host: "::1", Port: "80", Scenario: "eof"})
	wait(t, p)
	if got, want := string(p.Stdout().TailBytes()), "::1 80 [::1]:80 eof 80/x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReachable(t *testing.T) {
	got := reachableAddr(netip.MustParseAddrPort("0.0.0.0:80"))
	if want := netip.MustParseAddrPort("127.0.0.1:80"); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	same := netip.MustParseAddrPort("127.0.0.5:80")
	if got := reachableAddr(same); got != same {
		t.Errorf("got %v, want %v", got, same)
	}
}

func TestWaitDoesNotWaitForWhoHoldsTheOutput(t *testing.T) {
	p := client(t, sh("sleep 1000 & echo parent; exit 3"), Vars{})
	if exit := wait(t, p); exit.Code != 3 {
		t.Errorf("exit %v, want status 3", exit)
	}
	if got := string(p.Stdout().TailBytes()); got != "parent\n" {
		t.Errorf("output %q, want all of the parent's", got)
	}
	if len(p.ProcessTree()) != 1 {
		t.Errorf("tree %v, want the sleeper", p.ProcessTree())
	}
	if _, err := p.StopTree(within(t)); err != nil || len(p.ProcessTree()) != 0 {
		t.Errorf("%v, left %v", err, p.ProcessTree())
	}
}
