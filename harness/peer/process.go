package peer

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Process is a running command and everything that descends from it. The
// caller that started it must call [Process.Close]. All methods may be called from any
// goroutine.
type Process struct {
	role    string
	command Command // with the words in braces replaced
	vars    Vars
	told    bool // its command says where to listen
	cmd     *exec.Cmd
	mark    processTag
	began   time.Time
	addr    netip.AddrPort
	path    string // where a server listens on a unix socket
	release func() // gives the claim on the port back

	connects *interceptor // answers its connects; nil: the kernel does

	stdout, stderr *Output
	pipes          [2]*os.File // the ends that we read

	exited chan struct{} // closed when reaped and all it wrote was read
	reaped atomic.Bool   // its pid may belong to a stranger from now on
	ending atomic.Bool   // we told it to end
	exit   Exit          // valid once exited is closed

	looking sync.Mutex     // held while the process table is read
	seen    map[int]uint64 // those that were members at the last look: pid to start; guarded by looking
	alone   alone          // guarded by looking

	stopping sync.Mutex // held by Stop
	stopped  bool       // nothing is left; guarded by stopping
}

// startProcess runs the command and returns at once.
func startProcess(ctx context.Context, role string, c Command, v Vars) (*Process, error) {
	fail := func(err error) (*Process, error) {
		return nil, &Error{Op: role, Command: c, Err: notStarted(err)}
	}
	told := c.TakesAddress()
	c = c.expandVars(v)
	if len(c.Args) == 0 {
		return fail(errEmpty)
	}
	if ctx.Err() != nil {
		return fail(context.Cause(ctx))
	}
	p := &Process{role: role, command: c, vars: v, told: told, mark: newMark(), release: func() {},
		stdout: newOutput(v.Tmp, c.outputLimit()), stderr: newOutput(v.Tmp, c.outputLimit()),
		exited: make(chan struct{})}
	p.cmd = exec.Command(c.programPath(), c.Args[1:]...)
	p.cmd.Args[0] = c.Args[0]
	p.cmd.Dir, p.cmd.Env = c.Dir, p.mark.addToEnv(append(os.Environ(), c.Env...))
	p.cmd.SysProcAttr = ownGroup()
	if err := p.launchProcess(); err != nil {
		return fail(err)
	}
	return p, nil
}

// launchProcess starts the process with pipes for its output and the goroutines that
// drain them and wait for its end. Nil stdin is /dev/null.
func (p *Process) launchProcess() error {
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer outWrite.Close()
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		outRead.Close()
		return err
	}
	defer errWrite.Close()
	p.cmd.Stdout, p.cmd.Stderr = outWrite, errWrite
	p.began = time.Now()
	if p.connects, err = p.prepareInterception(); err == nil {
		err = p.startMarked()
	}
	if err != nil {
		p.connects.abandon()
		outRead.Close()
		errRead.Close()
		return err
	}
	p.pipes = [2]*os.File{outRead, errRead}
	go p.stdout.drainPipe(outRead)
	go p.stderr.drainPipe(errRead)
	go p.reapProcess()
	if err := p.connects.startAnswering(); err != nil {
		p.Close()
		return err
	}
	return nil
}

// reapProcess waits for the end of the process itself; Stop cares for descendants.
func (p *Process) reapProcess() {
	err := p.cmd.Wait()
	p.reaped.Store(true)
	p.exit = Exit{Code: -1, Elapsed: time.Since(p.began), Killed: p.ending.Load()}
	if state := p.cmd.ProcessState; state != nil && (err == nil || state.Exited()) {
		p.exit.Code = state.ExitCode()
	} else if state != nil {
		p.exit.Signal = endedBy(state)
	}
	if state := p.cmd.ProcessState; state != nil {
		p.exit.CPU = state.UserTime() + state.SystemTime()
	}
	p.stdout.settleExit(p.pipes[0])
	p.stderr.settleExit(p.pipes[1])
	close(p.exited)
}

func endedBy(state *os.ProcessState) syscall.Signal {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}

// ListenAddr returns where a server listens: the loopback address of the same family
// when it listens on all. It is the zero AddrPort for a client.
func (p *Process) ListenAddr() netip.AddrPort { return p.addr }

// Address returns where a server listens, as it is written in a target: the ListenAddr,
// or "unix:" and a path.
func (p *Process) Address() string {
	if p.path != "" {
		return "unix:" + p.path
	}
	return p.addr.String()
}

// Pid returns the id of the process that was started. It is also the id of its
// process group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Command returns what was run, with all words in braces replaced.
func (p *Process) Command() Command { return p.command }

// Stdout returns what the process and its descendants wrote to stdout.
func (p *Process) Stdout() *Output { return p.stdout }

// Stderr returns what the process and its descendants wrote to stderr.
func (p *Process) Stderr() *Output { return p.stderr }

// ExitedChan returns a channel that is closed when the process has ended and all
// that it wrote has been read. Descendants may still run.
func (p *Process) ExitedChan() <-chan struct{} { return p.exited }

// ExitStatus returns how the process ended, and whether it has.
func (p *Process) ExitStatus() (Exit, bool) {
	select {
	case <-p.exited:
		return p.exit, true
	default:
		return Exit{}, false
	}
}

// WaitExit blocks until the process has ended and all that it wrote has been read,
// or until the context ends, and then returns its error. A descendant that
// holds the output open does not keep Wait.
func (p *Process) WaitExit(ctx context.Context) (Exit, error) {
	select {
	case <-p.exited:
		return p.exit, nil
	case <-ctx.Done():
		return Exit{}, context.Cause(ctx)
	}
}

// ProcessTree returns the ids of the process and its descendants that run now, those
// included that daemonized. It is empty when nothing is left.
func (p *Process) ProcessTree() []int {
	alive, _ := p.liveMembers()
	return pidsOf(alive)
}

// OpenSockets returns the inodes of the sockets that the process and its descendants have
// open now; none where the system does not tell.
func (p *Process) OpenSockets() map[uint32]struct{} { return p.socketInodes() }

// ApproxTree returns what Tree does at a fraction of its cost, for those who count and
// measure: a child whose sibling ends at that moment may be missing.
func (p *Process) ApproxTree() []int { return pidsOf(p.approxMembers()) }

// IsAwake reports whether a thread of the process or of its descendants runs, or would if it had
// a processor, at one of two looks: one that spins may sleep at the first, between two calls. False
// where the system does not tell.
func (p *Process) IsAwake() bool { return p.isAwake() }

// CPUTimes returns the processor time that the process and each of its descendants have had, by pid;
// nothing where the system does not tell. Those that one has waited for do not count.
func (p *Process) CPUTimes() map[int]time.Duration { return p.cpuTimes() }

func pidsOf(alive []member) []int {
	pids := make([]int, len(alive))
	for i, m := range alive {
		pids[i] = m.pid
	}
	slices.Sort(pids)
	return pids
}
