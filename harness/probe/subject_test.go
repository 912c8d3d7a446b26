package probe_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// A subject is a program that connects to us. It answers 'x' with 'k' at once,
// 's' with 'k' after it has slept for some milliseconds, and reads the rest.
type subject struct {
	name  string
	argv  []string // the port and the milliseconds follow
	ticks bool     // a timer is pending all the time: never to be diagnosed
	says  []string // words of the diagnosis
}

// TestMain turns the test binary into a subject when it is called as one.
func TestMain(m *testing.M) {
	if mode := os.Getenv("PROBE_SUBJECT"); mode != "" {
		goSubject(mode, os.Args[1], os.Args[2])
		return
	}
	code := m.Run()
	os.RemoveAll(filepath.Join(os.TempDir(), fmt.Sprintf("probe-%d", os.Getpid())))
	os.Exit(code)
}

func goSubject(mode, port, milliseconds string) {
	if mode == "spin" {
		//lint:ignore SA5002 this program is there to spin
		for {
		}
	}
	ms, _ := strconv.Atoi(milliseconds)
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		os.Exit(1)
	}
	if mode == "deadline" {
		conn.SetReadDeadline(time.Now().Add(time.Hour))
	}
	if mode == "timer" {
		defer time.AfterFunc(time.Hour, func() {}).Stop()
	}
	b := make([]byte, 1)
	for {
		if _, err := conn.Read(b); err != nil {
			return
		}
		if b[0] == 's' {
			time.Sleep(time.Duration(ms) * time.Millisecond) // a program that sleeps is the subject
		}
		if b[0] == 's' || b[0] == 'x' {
			conn.Write([]byte("k"))
		}
	}
}

func python(setup, loop string) []string {
	return []string{"python3", "-c", "import socket,sys,time,threading,select,signal,struct,asyncio\n" +
		"port,ms=int(sys.argv[1]),int(sys.argv[2])/1000\n" +
		"c=socket.create_connection(('127.0.0.1',port))\n" + setup + `
def serve():
    while True:
        b=c.recv(1)
        if not b: return
        if b==b's': time.sleep(ms)
        if b in b'sx': c.sendall(b'k')
` + loop}
}

const nodeProgram = `const [port,ms]=process.argv.slice(1).map(Number);
const c=require('net').connect(port,'127.0.0.1');
c.on('data',d=>{for(const b of d.toString()){const k=()=>c.write('k'); if(b==='s')setTimeout(k,ms); if(b==='x')k();}});
`

const cProgram = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static void nap(const char *how, int ms) {
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	if (!strcmp(how, "poll")) poll(0, 0, ms);
	else if (!strcmp(how, "ppoll")) ppoll(0, 0, &ts, 0);
	else if (!strcmp(how, "select")) select(0, 0, 0, 0, &tv);
	else if (!strcmp(how, "pselect")) pselect(0, 0, 0, 0, &ts, 0);
	else if (!strcmp(how, "sigtimedwait")) { sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR2); sigtimedwait(&s, 0, &ts); }
	else if (!strcmp(how, "epoll")) { int e = epoll_create1(0); struct epoll_event ev; epoll_wait(e, &ev, 1, ms); close(e); }
	else if (!strcmp(how, "timerfd")) { int f = timerfd_create(CLOCK_MONOTONIC, 0); struct itimerspec it = {{0}, ts}; unsigned long n;
		timerfd_settime(f, 0, &it, 0); read(f, &n, 8); close(f); }
	else if (!strcmp(how, "timer")) { timer_t t; struct itimerspec it = {{0}, ts}; sigset_t s; int got; sigemptyset(&s); sigaddset(&s, SIGUSR2);
		struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
		sigprocmask(SIG_BLOCK, &s, 0); timer_create(CLOCK_MONOTONIC, &e, &t); timer_settime(t, 0, &it, 0); sigwait(&s, &got); timer_delete(t); }
	else if (!strcmp(how, "itimer")) { struct itimerval it = {{0}, tv}; sigset_t s; int got; sigemptyset(&s); sigaddset(&s, SIGALRM);
		sigprocmask(SIG_BLOCK, &s, 0); setitimer(ITIMER_REAL, &it, 0); sigwait(&s, &got); sigprocmask(SIG_UNBLOCK, &s, 0); }
	else if (!strcmp(how, "cond")) { pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; pthread_cond_t c = PTHREAD_COND_INITIALIZER; struct timespec at;
		clock_gettime(CLOCK_REALTIME, &at); at.tv_nsec += ts.tv_nsec; at.tv_sec += ts.tv_sec + at.tv_nsec / 1000000000; at.tv_nsec %= 1000000000;
		pthread_mutex_lock(&m); pthread_cond_timedwait(&c, &m, &at); }
	else if (!strcmp(how, "rcvtimeo")) { int p[2]; char b; socketpair(AF_UNIX, SOCK_STREAM, 0, p); setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
		read(p[0], &b, 1); close(p[0]); close(p[1]); }
	else if (!strcmp(how, "fork")) { if (!fork()) { nanosleep(&ts, 0); _exit(0); } int st; wait(&st); }
	else nanosleep(&ts, 0);
}
int main(int n, char **v) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(v[2])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char b;
	if (connect(fd, (void *)&a, sizeof a)) return 1;
	while (recv(fd, &b, 1, 0) > 0) {
		if (b == 's') nap(v[1], atoi(v[3]));
		if (b == 's' || b == 'x') send(fd, "k", 1, 0);
	}
	return 0;
}
`

var compile = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("probe-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	source, program := filepath.Join(dir, "s.c"), filepath.Join(dir, "subject")
	if err := os.WriteFile(source, []byte(cProgram), 0o600); err != nil {
		return "", err
	}
	out, err := exec.Command("cc", "-pthread", "-o", program, source, "-lrt").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return program, err
})

func subjects(t testing.TB) []subject {
	on := func(s string) []string { return []string{"recvfrom on descriptor 3, the connection to 127.0.0.1:", s} }
	nobody := "no peer has data for it"
	asyncioLoop := `
async def main():
    c.setblocking(False)
    r,w=await asyncio.open_connection(sock=c)
    while b:=await r.read(1):
        if b==b's': await asyncio.sleep(ms)
        if b in b'sx': w.write(b'k')
asyncio.run(main())`
	all := []subject{
		{name: "python", argv: python("", "serve()"), says: on(nobody)},
		{name: "python threads", argv: python("", "t=threading.Thread(target=serve); t.start(); t.join()"), says: append(on(nobody), "2 threads")},
		{name: "python asyncio", argv: python("", asyncioLoop), says: []string{"epoll_wait", "the connection to 127.0.0.1:"}},
		{name: "python settimeout", argv: python("c.settimeout(60)", "serve()"), ticks: true},
		{name: "python SO_RCVTIMEO", argv: python("c.setsockopt(socket.SOL_SOCKET,socket.SO_RCVTIMEO,struct.pack('ll',60,0))", "serve()"), ticks: true},
		{name: "python alarm", argv: python("signal.signal(signal.SIGALRM,lambda *a:0);signal.alarm(60)", "serve()"), ticks: true},
		{name: "go", argv: []string{"PROBE_SUBJECT=plain", os.Args[0]}, says: []string{"epoll_pwait", "the connection to 127.0.0.1:"}},
		{name: "go deadline", argv: []string{"PROBE_SUBJECT=deadline", os.Args[0]}, ticks: true},
		{name: "go timer", argv: []string{"PROBE_SUBJECT=timer", os.Args[0]}, ticks: true},
		{name: "node", argv: []string{"node", "-e", nodeProgram}, says: []string{"epoll_pwait", "the connection to 127.0.0.1:"}},
		{name: "node timer", argv: []string{"node", "-e", nodeProgram + "setTimeout(()=>{},3600000)"}, ticks: true},
		{name: "sh", argv: append([]string{"sh", "-c", `"$@"; :`, "sh"}, python("", "serve()")...),
			says: append(on(nobody), "sh (pid ", "for a child process")},
	}
	if program, err := compile(); err == nil {
		for _, how := range []string{"nanosleep", "poll", "ppoll", "select", "pselect", "sigtimedwait", "epoll", "timerfd", "timer", "itimer", "cond", "rcvtimeo", "fork"} {
			all = append(all, subject{name: "c " + how, argv: []string{program, how}, says: on(nobody)})
		}
	} else {
		t.Logf("no C compiler, so no programs in C: %v", err)
	}
	return all
}

// A running subject with its connection.
type running struct {
	conn *net.TCPConn
	cmd  *exec.Cmd
}

func (s subject) start(t testing.TB, pause time.Duration) *running {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("not Linux: nothing to see")
	}
	argv, env := s.argv, os.Environ()
	if strings.HasPrefix(argv[0], "PROBE_SUBJECT=") {
		env, argv = append(env, argv[0]), argv[1:]
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Skipf("%s is not installed", argv[0])
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	argv = append(argv[:len(argv):len(argv)], strconv.Itoa(l.Addr().(*net.TCPAddr).Port), strconv.Itoa(int(pause.Milliseconds())))
	r := &running{cmd: exec.Command(argv[0], argv[1:]...)}
	r.cmd.Env, r.cmd.Stderr = env, os.Stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
	conn, err := l.Accept()
	if err != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		t.Fatal(err)
	}
	r.conn = conn.(*net.TCPConn)
	t.Cleanup(func() {
		for _, pid := range r.tree() {
			if pid != r.cmd.Process.Pid {
				p, _ := os.FindProcess(pid)
				p.Kill()
			}
		}
		r.conn.Close()
		r.cmd.Process.Kill()
		r.cmd.Wait()
	})
	return r
}

// tree returns the process and its descendants.
func (r *running) tree() []int {
	pids := []int{r.cmd.Process.Pid}
	for i := 0; i < len(pids); i++ {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pids[i], pids[i]))
		for _, word := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(word)
			pids = append(pids, pid)
		}
	}
	return pids
}

func (r *running) idle() bool {
	if r.conn == nil {
		return true
	}
	unread, err := sock.InQueue(r.conn)
	return err == nil && unread == 0
}

func (r *running) say(t testing.TB, what string) {
	t.Helper()
	if _, err := r.conn.Write([]byte(what)); err != nil {
		t.Fatal(err)
	}
}

// readable blocks until an answer is there, and leaves it there.
func (r *running) readable(t testing.TB) {
	t.Helper()
	r.conn.SetReadDeadline(time.Now().Add(time.Minute))
	raw, _ := r.conn.SyscallConn()
	if err := raw.Read(func(uintptr) bool {
		n, err := sock.InQueue(r.conn)
		return err != nil || n > 0
	}); err != nil {
		t.Fatal(err)
	}
}

func (r *running) hear(t testing.TB) {
	t.Helper()
	b, err := bufio.NewReaderSize(r.conn, 16).ReadByte()
	if err != nil || b != 'k' {
		t.Fatalf("got %q and %v, want k", b, err)
	}
}
