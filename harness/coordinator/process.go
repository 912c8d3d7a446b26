package coordinator

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// pipeDelay is how long to wait for the end of a dead worker's stderr while a process outside its
// group still holds it open.
const pipeDelay = 250 * time.Millisecond

// A process is a started worker: the leader of a session and its process
// group, on a stdin that ends when the coordinator does.
type process struct {
	cmd    *exec.Cmd
	stderr *tail
	output *output  // nil: output is not kept
	left   []string // processes of its session that were alive when it was dead

	mu   sync.Mutex
	dead bool
}

// startProcess starts cmd as a worker of the coordinator at address. Of what it prints
// keep bytes are kept for each report; 0: none.
func startProcess(cmd *exec.Cmd, address string, keep int) (*process, error) {
	p := &process{cmd: cmd, stderr: &tail{}}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	// An empty protocol is Ginkgo's default one, whatever ours inherited.
	cmd.Env = append(cmd.Env, Environment+"="+address, "GINKGO_PARALLEL_PROTOCOL=")
	if cmd.Stderr == nil {
		cmd.Stderr = p.stderr
	} else {
		cmd.Stderr = io.MultiWriter(p.stderr, cmd.Stderr)
	}
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = pipeDelay
	}
	cmd.Stdin = nil
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("worker stdin: %w", err)
	}
	ownSession(cmd)
	if keep > 0 {
		return p, p.startListened(keep)
	}
	return p, startCommand(cmd)
}

func startCommand(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("worker start: %w", err)
	}
	return nil
}

// startListened starts the process and reads what it prints.
func (p *process) startListened(keep int) error {
	output, to, err := attachOutput(p.cmd, keep, p.cmd.Stderr)
	if err != nil {
		return err
	}
	err = startCommand(p.cmd)
	_ = to.Close()
	if err != nil {
		_ = output.pipe.Close()
		return err
	}
	p.output = output
	go output.readAll()
	return nil
}

// waitDead blocks until the process is dead, kills what is left of its session,
// and returns how it ended.
func (p *process) waitDead() *os.ProcessState {
	// The dead leader must not be waited for before the others are killed: after that its
	// number may belong to another process.
	if pid := p.cmd.Process.Pid; awaitDeath(pid) {
		p.left = sessionMembers(pid)
		p.killGroup()
		killLeftovers(pid)
		p.endSignalling()
	}
	// The error says nothing that the state does not: the status, or that
	// stderr was held open.
	_ = p.cmd.Wait()
	p.output.finish()
	return p.cmd.ProcessState
}

// endSignalling ends signalling: from here on the number may belong to another process.
func (p *process) endSignalling() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

// interruptGroup sends ^C to the group. It fails where there is no such signal.
func (p *process) interruptGroup() error { return p.signalWith(interruptGroup) }

// dumpGoroutines asks the Go runtime for its goroutines on stderr, and to die.
func (p *process) dumpGoroutines() error { return p.signalWith(dumpProcess) }

// killGroup ends the group at once.
func (p *process) killGroup() { _ = p.signalWith(killGroup) }

// signalWith calls send unless the process is dead.
func (p *process) signalWith(send func(*os.Process) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return nil
	}
	return send(p.cmd.Process)
}
