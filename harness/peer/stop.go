package peer

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	pollEvery = time.Millisecond       // how often the process table is looked at
	killBound = 30 * time.Second       // for the kernel to end what was killed; a busy machine took more than 5 s
	pipeBound = 100 * time.Millisecond // for pipes whose every writer of ours is gone
)

// StopTree ends the process and all its descendants: SIGTERM (and SIGCONT), then
// after Grace, or when the context ends before that, SIGKILL. It returns when
// none of them is left, with the exit of the process itself. What it wrote
// stays readable until Close. Stop may be called again, at any time. The error
// says what could not be ended.
func (p *Process) StopTree(ctx context.Context) (Exit, error) {
	p.stopping.Lock()
	defer p.stopping.Unlock()
	if p.stopped {
		return p.exit, nil
	}
	if !p.terminateTree(ctx) {
		if err := p.killTree(); err != nil {
			return Exit{}, err
		}
	}
	p.connects.end()
	p.closePipes()
	p.release()
	p.stopped = true
	p.looking.Lock()
	defer p.looking.Unlock()
	p.alone.end()
	return p.exit, nil
}

// Close stops the process as Stop does and gives up what was kept of its output.
func (p *Process) Close() error {
	_, err := p.StopTree(context.Background())
	p.stdout.closeFile()
	p.stderr.closeFile()
	return err
}

// KillTree sends SIGKILL to the process and all its descendants and returns at
// once. Stop or Close must still be called.
func (p *Process) KillTree() {
	p.markEnding()
	p.killMembers()
}

// SignalGroup sends sig to the process group: the process and those of its
// descendants that made no group of their own. It returns [os.ErrProcessDone]
// when the process has ended.
func (p *Process) SignalGroup(sig syscall.Signal) error {
	if p.reaped.Load() {
		return os.ErrProcessDone
	}
	return signalGroup(p.cmd.Process, sig)
}

// markEnding notes that whatever happens to the process from now on is our doing.
func (p *Process) markEnding() {
	if !p.reaped.Load() {
		p.ending.Store(true)
	}
}

// terminateTree asks all to end, waits for that as long as the grace lasts, and
// reports whether nobody is left.
func (p *Process) terminateTree(ctx context.Context) bool {
	p.markEnding()
	if !p.signalAll(syscall.SIGTERM, resume) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, p.command.graceTimeout())
	defer cancel()
	return p.awaitGone(ctx)
}

// awaitGone blocks until neither the process nor a daemon of its is left, or the context ends,
// and reports which. Of processes that are not our children the kernel gives no event.
func (p *Process) awaitGone(ctx context.Context) bool {
	select {
	case <-p.exited:
	case <-ctx.Done():
		return false
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for left := (search{}); !left.isOver(p.liveMembers()); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// signalAll sends the signals to the group and to all that left it. It reports
// false when there was nobody, or the system cannot.
func (p *Process) signalAll(signals ...syscall.Signal) (sent bool) {
	alive, _ := p.liveMembers()
	for _, sig := range signals {
		sent = p.SignalGroup(sig) == nil || sent
		for _, m := range alive {
			if m.group != p.Pid() || p.reaped.Load() {
				sent = signalProcess(m.pid, sig) == nil || sent
			}
		}
	}
	return sent
}

// killTree kills until nobody is left.
func (p *Process) killTree() error {
	bound := time.NewTimer(killBound)
	defer bound.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for left := (search{}); !left.isOver(p.killMembers()) || !p.reaped.Load(); {
		select {
		case <-tick.C:
		case <-bound.C:
			return &Error{Op: p.role, Command: p.command, Err: fmt.Errorf("process %d with processes %v did not end within %v of SIGKILL", p.Pid(), p.ProcessTree(), killBound)}
		}
	}
	<-p.exited
	return nil
}

// killMembers kills every member and returns who was there.
func (p *Process) killMembers() (alive []member, certain bool) {
	if !p.reaped.Load() {
		signalGroup(p.cmd.Process, syscall.SIGKILL)
	}
	alive, certain = p.liveMembers()
	for _, m := range alive {
		signalProcess(m.pid, syscall.SIGKILL)
	}
	return alive, certain
}

// A search ends when nobody is left.
type search struct{ vain int }

// isOver takes what a look found and reports whether the search is over. On a
// machine where processes come and go all the time no look may ever be
// certain, but one who hides from so many in a row must fork all the while.
func (s *search) isOver(alive []member, certain bool) bool {
	if s.vain++; len(alive) > 0 {
		s.vain = 0
	}
	return s.vain > 0 && (certain || s.vain >= 10)
}

// closePipes waits for the end of the output, which is there already unless a
// stranger was handed the pipe.
func (p *Process) closePipes() {
	bound := time.NewTimer(pipeBound)
	defer bound.Stop()
	for _, o := range []*Output{p.stdout, p.stderr} {
		select {
		case <-o.done:
		case <-bound.C:
			bound.Reset(0)
		}
	}
	for i, o := range []*Output{p.stdout, p.stderr} {
		p.pipes[i].Close()
		<-o.done
	}
}
