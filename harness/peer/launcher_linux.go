package peer

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launcherVariable makes a process a launcher; its value is the program to run.
const launcherVariable = "HARNESS_LAUNCH"

// launcherSocket is the descriptor of the launcher's end of a socket pair.
const launcherSocket = 3

// launcherMain sets a seccomp filter that has each connect(2) wait for an answer, hands the
// descriptor that answers to the process that started it, and runs the program: the filter stays.
// It needs no privilege, but takes those of set-user-ID programs.
func launcherMain() {
	path := os.Getenv(launcherVariable)
	if path == "" {
		return
	}
	runtime.LockOSThread() // the filter is that of the thread that execs
	err := launchProgram(path)
	fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
	os.Exit(127)
}

func launchProgram(path string) error {
	calls := []uint32{unix.SYS_CONNECT}
	if os.Getenv(filesVariable) != "" {
		calls = append(calls, openCalls()...)
	}
	if os.Getenv(sendsVariable) != "" {
		calls = append(calls, sendCalls()...)
	}
	listener, err := installFilter(calls)
	if err != nil {
		// The reason is what the other side reads instead of a descriptor.
		_, _ = unix.Write(launcherSocket, []byte(err.Error()))
		return err
	}
	if err := handOver(listener); err != nil {
		return err
	}
	if _, err := unix.Read(launcherSocket, make([]byte, 1)); err != nil {
		return err
	}
	unix.CloseOnExec(launcherSocket)
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return name == launcherVariable || name == filesVariable || name == sendsVariable
	})
	return syscall.Exec(path, os.Args, env)
}

// oneMessage is struct mmsghdr.
type oneMessage struct {
	head unix.Msghdr
	sent uint32
}

// handOver sends a descriptor through the socket pair, by sendmmsg: no filter has that wait.
func handOver(fd int) error {
	control, text := unix.UnixRights(fd), []byte{0}
	vector := unix.Iovec{Base: &text[0]}
	vector.SetLen(len(text))
	m := oneMessage{head: unix.Msghdr{Iov: &vector, Control: &control[0]}}
	m.head.SetIovlen(1)
	m.head.SetControllen(len(control))
	if _, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, launcherSocket, uintptr(unsafe.Pointer(&m)), 1, 0, 0, 0); errno != 0 {
		return fmt.Errorf("sendmmsg: %w", errno)
	}
	return nil
}

// architectures are the numbers of AUDIT_ARCH for which unix.SYS_CONNECT is right.
var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64, "riscv64": unix.AUDIT_ARCH_RISCV64}

// installFilter returns the descriptor from which the given calls are read.
func installFilter(calls []uint32) (int, error) {
	arch, known := architectures[runtime.GOARCH]
	if !known {
		return 0, errors.New("no filter is known for this architecture")
	}
	const load, equal, result = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	program := []unix.SockFilter{ // of struct seccomp_data: arch at 4, the number of the call at 0
		{Code: load, K: 4},
		{Code: equal, K: arch, Jf: uint8(len(calls) + 1)},
		{Code: load, K: 0},
	}
	for n, call := range calls {
		program = append(program, unix.SockFilter{Code: equal, K: call, Jt: uint8(len(calls) - n)})
	}
	program = append(program, unix.SockFilter{Code: result, K: unix.SECCOMP_RET_ALLOW}, unix.SockFilter{Code: result, K: unix.SECCOMP_RET_USER_NOTIF})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("prctl: %w", err)
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return 0, fmt.Errorf("seccomp: %w", errno)
	}
	return int(fd), nil
}
