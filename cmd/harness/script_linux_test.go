package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// descendants returns the command lines of the processes that a script started,
// however they are related to us now: by its WORK in their environment.
func descendants(work string) (lines []string) {
	blocks, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range blocks {
		block, err := os.ReadFile(path)
		if err == nil && bytes.Contains(block, []byte("WORK="+work+"\x00")) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			lines = append(lines, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return lines
}

// withoutSockDiag becomes the command in its arguments on a machine that does
// not allow sock_diag, as some containers: a seccomp(2) filter fails
// socket(AF_NETLINK, …, NETLINK_SOCK_DIAG) with EPERM, for all descendants.
func withoutSockDiag() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "without-sock-diag:", err)
			os.Exit(99)
		}
	}
	path, err := exec.LookPath(os.Args[1])
	fail(err)
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
	)
	// struct seccomp_data: the number at 0, the arguments from 16 on.
	filter := []unix.SockFilter{
		{Code: load, K: 0}, {Code: equal, K: unix.SYS_SOCKET, Jf: 5},
		{Code: load, K: 16}, {Code: equal, K: unix.AF_NETLINK, Jf: 3},
		{Code: load, K: 32}, {Code: equal, K: unix.NETLINK_SOCK_DIAG, Jf: 1},
		{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	fail(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	fail(unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0))
	fail(syscall.Exec(path, os.Args[1:], os.Environ()))
}
