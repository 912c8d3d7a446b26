package doctorcmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
)

// leastDescriptors is how many files the harness and each of its workers must open.
const leastDescriptors = 512

func kernelRelease() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

const capabilityCure = "in Docker --cap-add=SYS_PTRACE, or --security-opt seccomp=unconfined for old versions"

// systemChecks tries what only Linux has.
func systemChecks() []check {
	checks := []check{
		check{Name: "proc", Required: true, Use: "processes under test: memory, descriptors, CPU, children",
			Cure: "mount it, for instance with `mount -t proc proc /proc`"}.tried(tryProc(), unsupported),
		check{Name: "descriptors", Required: true, Use: "open files: scenarios with many clients need many",
			Cure: "raise the limit, for instance with `ulimit -n 1024`"}.tried(tryDescriptors(), unsupported),
		check{Name: "sock_diag", Use: "segment boundaries verified as read; the port that a server opens", Instead: "boundaries are timed, and results say unverified; give {port} in the command",
			Cure: "allow socket(AF_NETLINK, …, NETLINK_SOCK_DIAG) in the seccomp profile of the container"}.tried(trySockDiag(), emulated),
		check{Name: "reset", Use: "RST at a byte offset (SO_LINGER 0)"}.tried(tryReset(), unsupported),
		check{Name: "subreaper", Use: "daemons of a server under test are found and ended", Instead: "only child processes are"}.tried(trySubreaper(), emulated),
		check{Name: "bpf-packets", Use: "each connect of a client is seen, also the refused ones (a socket filter, CAP_NET_RAW)",
			Instead: "only accepted connects are counted; what needs more is unsupported", Cure: "run as root, or `setcap cap_net_raw+ep` on the harness binary; in Docker it is on by default"}.tried(tryPackets(), emulated),
		check{Name: "splice", Use: "bytes move between sockets inside the kernel", Instead: "they are copied: bulk transfers are slower, nothing else differs"}.tried(trySplice(), emulated),
		check{Name: "timerfd", Use: "delays of less than a millisecond", Instead: "delays are rounded up to milliseconds"}.tried(tryTimer(), emulated),
		check{Name: "epoll", Use: "one thread serves many connections", Instead: "each connection has goroutines of its own"}.tried(tryEpoll(), emulated),
		check{Name: "seccomp-notify", Use: "connects of a client are intercepted: built-in addresses (connects_to), errors, delays",
			Instead: "such clients and scenarios are unsupported", Cure: "allow seccomp(SECCOMP_SET_MODE_FILTER) and pidfd_getfd in the container, Linux 5.19 or later"}.tried(tryConnects(), unsupported),
		check{Name: "namespaces", Use: "nothing: no scenario needs user or network namespaces", Instead: "nothing changes"}.tried(tryNamespaces(), unsupported),
	}
	return append(checks, childChecks()...)
}

// childChecks try what is done to processes under test, on a child of ours.
func childChecks() []check {
	syscalls := check{Name: "proc-syscall", Use: "a hang is proven: which system call each thread sleeps in", Instead: "hangs are found by a timeout", Cure: capabilityCure}
	descriptors := check{Name: "pidfd_getfd", Use: "a hang is proven: what epoll sets and timers of a process wait for; sends of short replies are made short: the send buffer is filled from outside", Instead: "such hangs are found by a timeout; short writes need replies of 128 KiB", Cure: capabilityCure}
	limits := check{Name: "prlimit", Use: "a server runs out of descriptors", Instead: "scenarios that use up descriptors are unsupported"}
	schedule := check{Name: "schedstat", Use: "a process that waited for a CPU gets more time", Instead: "waits are not stretched on a busy machine"}
	pause := check{Name: "stop-signals", Use: "a process is paused and resumed (SIGSTOP, SIGCONT)", Instead: "scenarios that pause a peer are unsupported"}
	pid, stop, err := startChild()
	if err != nil {
		err = fmt.Errorf("no child process could be started: %w", err)
		return []check{syscalls.tried(err, emulated), descriptors.tried(err, emulated), limits.tried(err, unsupported), schedule.tried(err, emulated), pause.tried(err, unsupported)}
	}
	defer stop()
	_, scheduleErr := probe.ReadSchedStats([]int{pid})
	return []check{syscalls.tried(trySyscall(pid), emulated), descriptors.tried(tryDescriptorCopy(pid), emulated), limits.tried(tryLimit(pid), unsupported),
		schedule.tried(scheduleErr, emulated), pause.tried(tryPause(pid), unsupported)}
}

// tryConnects starts this program with its connects answered.
func tryConnects() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := peer.Command{Args: []string{self, "version"}, OnConnect: func(netip.AddrPort) peer.ConnectReply { return peer.ConnectReply{} }}
	p, err := command.StartClient(context.Background(), peer.Vars{})
	if err != nil {
		return err
	}
	return p.Close()
}

// startChild starts this program in a mode in which it waits for its standard input.
func startChild() (pid int, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, nil, err
	}
	cmd := exec.Command(self, "report", "-")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	return cmd.Process.Pid, func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}, nil
}

func tryProc() error {
	_, err := os.Stat("/proc/self/stat")
	if err != nil {
		return errors.New("/proc is not mounted")
	}
	return nil
}

func tryDescriptors() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur < leastDescriptors {
		return fmt.Errorf("a process may open %s, and %d are needed", plural.Count(limit.Cur, "file"), leastDescriptors)
	}
	return nil
}

// trySockDiag asks the kernel for a connection of our own.
func trySockDiag() error {
	client, server, err := loopbackPair()
	if err != nil {
		return err
	}
	defer client.Close()
	defer server.Close()
	diag, err := sock.OpenDiag()
	if err != nil {
		return err
	}
	defer diag.Close()
	local, remote := client.LocalAddr().(*net.TCPAddr).AddrPort(), client.RemoteAddr().(*net.TCPAddr).AddrPort()
	_, err = diag.FindSocket(local, remote)
	return err
}

func trySubreaper() error {
	var on int32
	if err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptrOf(&on), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_GET_CHILD_SUBREAPER): %w", err)
	}
	return nil
}

func tryPackets() error {
	watch, err := sock.WatchSYN(netip.MustParseAddrPort("127.0.0.1:9"), func(sock.ConnectAttempt) {})
	if err != nil {
		return err
	}
	watch.Close()
	return nil
}

func trySplice() error {
	client, server, err := loopbackPair()
	if err != nil {
		return err
	}
	defer client.Close()
	defer server.Close()
	if _, err := client.Write([]byte("x")); err != nil {
		return err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return err
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	raw, err := server.SyscallConn()
	if err != nil {
		return err
	}
	_ = server.SetReadDeadline(time.Now().Add(10 * time.Second))
	var spliced error
	err = raw.Read(func(fd uintptr) bool {
		_, spliced = unix.Splice(int(fd), nil, pipe[1], nil, 1, unix.SPLICE_F_NONBLOCK)
		return !errors.Is(spliced, unix.EAGAIN)
	})
	return errors.Join(err, spliced)
}

func tryTimer() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("timerfd_create: %w", err)
	}
	return unix.Close(fd)
}

func tryEpoll() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	return unix.Close(fd)
}

// tryNamespaces starts this program in namespaces of its own.
func tryNamespaces() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("clone(CLONE_NEWUSER|CLONE_NEWNET): %w", err)
	}
	return nil
}

func trySyscall(pid int) error {
	_, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	return err
}

// tryDescriptorCopy takes a copy of the child's standard input.
func tryDescriptorCopy(pid int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(process)
	fd, err := unix.PidfdGetfd(process, 0, 0)
	if err != nil {
		return fmt.Errorf("pidfd_getfd: %w", err)
	}
	return unix.Close(fd)
}

func tryLimit(pid int) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return fmt.Errorf("prlimit: %w", err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		return fmt.Errorf("prlimit: %w", err)
	}
	return nil
}

// tryPause stops the child, waits until the kernel says so, and lets it go on.
func tryPause(pid int) error {
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		return fmt.Errorf("SIGSTOP: %w", err)
	}
	defer unix.Kill(pid, unix.SIGCONT)
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
