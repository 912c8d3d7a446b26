package peer

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// startMarked starts the process and marks it before it runs a single
// instruction of its own: it is traced (ptrace(2)) up to the stop that follows
// exec, and let go. Where that is not allowed, or would take the privileges of
// a set-user-ID program, it is marked just after it has begun.
func (p *Process) startMarked() error {
	if hasPrivileges(p.cmd.Path) {
		return p.startUntraced()
	}
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	p.cmd.SysProcAttr.Ptrace = true
	err := p.cmd.Start()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		p.cmd = cloneCommand(p.cmd)
		return p.startUntraced()
	}
	if err != nil {
		return err
	}
	pid := p.cmd.Process.Pid
	awaitStop(pid)
	p.mark.tagProcess(pid)
	unix.PtraceDetach(pid)
	return nil
}

// startUntraced marks the process, and those that it forked before we came to it.
func (p *Process) startUntraced() error {
	if err := p.cmd.Start(); err != nil {
		return err
	}
	for fresh, rounds := p.mark.tagProcess(p.Pid()), 0; fresh && rounds < 10; rounds++ {
		fresh = false
		alive, _ := p.liveMembers()
		for _, m := range alive {
			if limit, _ := limitOf(m.pid); limit != p.mark.limit {
				fresh = p.mark.tagProcess(m.pid) || fresh
			}
		}
	}
	return nil
}

// cloneCommand returns the command anew, as one can be started only once.
func cloneCommand(c *exec.Cmd) *exec.Cmd {
	return &exec.Cmd{Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir,
		Stdout: c.Stdout, Stderr: c.Stderr, ExtraFiles: c.ExtraFiles, SysProcAttr: &syscall.SysProcAttr{Setpgid: c.SysProcAttr.Setpgid}}
}

// awaitStop waits until the process has stopped behind its exec, or is dead;
// it takes nothing from the one who waits for its end.
func awaitStop(pid int) {
	var info unix.Siginfo
	for unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
}

// hasPrivileges reports whether the program has rights of its own, by its mode or
// by file capabilities.
func hasPrivileges(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	n, _ := unix.Getxattr(path, "security.capability", nil)
	return info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 || n > 0
}

func procPath(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
