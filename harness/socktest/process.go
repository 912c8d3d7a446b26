package socktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega/gbytes"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sleep"
)

// A Process is a program under test, with all that descends from it. Its methods are
// safe for concurrent use.
type Process struct {
	tb      testing.TB
	process *peer.Process
	watcher watcher
	before  probe.Usage

	mu     sync.Mutex // guards what follows
	buffer *gbytes.Buffer
	copied [2]int64 // of stdout and stderr, into buffer
}

// Start starts a server and waits until it listens: "python3 server.py {port}". The
// words are split as a shell does, but no shell runs. In them {port}, {host}, {addr}
// and {tmp} are replaced; of a command without {port}, the port that it opens is
// found. When the test ends, the process is ended with all its descendants, by
// SIGTERM and then SIGKILL; a test that fails prints the end of its stderr. The option
// is [ReadyLog].
func Start(tb testing.TB, command string, opts ...Option) *Process {
	tb.Helper()
	return startProcess(tb, command, peer.Vars{}, peer.Command.StartServer, opts)
}

// StartClient starts a client, and does not wait for anything. In its command {addr},
// {host} and {port} are replaced by the address, such as that of a [Proxy]. The option
// is [ReadyLog].
func StartClient(tb testing.TB, command, addr string, opts ...Option) *Process {
	tb.Helper()
	return startProcess(tb, command, peer.Vars{Addr: addr}, peer.Command.StartClient, opts)
}

// ReadyLog lets a process count as started only when a line of its stdout or stderr
// matches the regular expression: for servers that listen before they can serve.
func ReadyLog(expression string) Option {
	return Option{"ReadyLog", func(o *options) error {
		o.readyLog = expression
		_, err := regexp.Compile(expression)
		return err
	}}
}

// A startFunc starts a command as a server or as a client.
type startFunc func(peer.Command, context.Context, peer.Vars) (*peer.Process, error)

func startProcess(tb testing.TB, line string, vars peer.Vars, start startFunc, opts []Option) *Process {
	tb.Helper()
	o, err := readOptions(opts, "ReadyLog")
	if err != nil {
		tb.Fatalf("socktest: start: %v", err)
	}
	words, err := peer.ParseCommand(line)
	if err != nil {
		tb.Fatalf("socktest: start: %v", err)
	}
	vars.Tmp = tb.TempDir()
	process, err := start(peer.Command{Args: words, Ready: peer.Ready{Log: o.readyLog}}, context.Background(), vars)
	if err != nil {
		tb.Fatalf("socktest: start: %v", err)
	}
	p := &Process{tb: tb, process: process, watcher: watchGroup(process.Pid())}
	p.before, _ = probe.MeasureUsage(process.ProcessTree())
	tb.Cleanup(p.end)
	return p
}

// end ends the process at the end of the test.
func (p *Process) end() {
	p.tb.Helper()
	exit, exited := p.process.ExitStatus()
	stderr := p.process.Stderr().TailBytes()
	p.watcher.stop()
	if err := p.process.Close(); err != nil {
		defer p.tb.Errorf("socktest: end of %v: %v", p.process.Command(), err)
	}
	if p.tb.Failed() {
		state := "was running"
		if exited {
			state = exit.String()
		}
		p.tb.Logf("socktest: %v %s; the end of its stderr:\n%s", p.process.Command(), state, stderr)
	}
}

// Addr returns where the server listens, "host:port".
func (p *Process) Addr() string { return p.process.ListenAddr().String() }

// Pid returns the id of the process, which is that of its process group, too.
func (p *Process) Pid() int { return p.process.Pid() }

// Fds returns how many descriptors the process and its descendants have open.
func (p *Process) Fds() int { return p.usage().Descriptors }

// CPU returns the processor time that they have used, in steps of 10 ms.
func (p *Process) CPU() time.Duration { return p.usage().CPU }

// Children returns how many descendants run.
func (p *Process) Children() int { return max(0, len(p.process.ProcessTree())-1) }

func (p *Process) usage() probe.Usage {
	u, err := probe.MeasureUsage(p.process.ProcessTree())
	if err != nil && !errors.Is(err, probe.ErrGone) {
		p.tb.Helper()
		p.tb.Fatalf("socktest: %v: %v", p.process.Command(), err)
	}
	return u
}

// ExitCode returns the exit status, 128 and the number of a signal that has ended the
// process, or -1 while it runs. It is what gexec.Exit asks for.
func (p *Process) ExitCode() int {
	exit, exited := p.process.ExitStatus()
	switch {
	case !exited:
		return -1
	case exit.Signal != 0:
		return 128 + int(exit.Signal)
	}
	return exit.Code
}

// Wait blocks until the process has ended, and returns its ExitCode; -1 and the cause
// when the context ends first.
func (p *Process) Wait(ctx context.Context) (int, error) {
	if _, err := p.process.WaitExit(ctx); err != nil {
		return -1, fmt.Errorf("wait for %v: %w", p.process.Command(), err)
	}
	return p.ExitCode(), nil
}

// Signal sends the signal to the process group. It returns [os.ErrProcessDone] when the
// process has ended.
func (p *Process) Signal(sig syscall.Signal) error { return p.process.SignalGroup(sig) }

// Stop ends the process with all its descendants, and returns its ExitCode.
func (p *Process) Stop() int {
	p.tb.Helper()
	if _, err := p.process.StopTree(context.Background()); err != nil {
		p.tb.Errorf("socktest: %v", err)
	}
	return p.ExitCode()
}

// Stdout returns what they have written to stdout, the first 64 MiB.
func (p *Process) Stdout() []byte { return readOutput(p.process.Stdout()) }

// Stderr returns what they have written to stderr, the first 64 MiB.
func (p *Process) Stderr() []byte { return readOutput(p.process.Stderr()) }

func readOutput(o *peer.Output) []byte {
	r, err := o.OpenReader()
	if err != nil {
		return nil
	}
	defer r.Close()
	data, _ := io.ReadAll(r)
	return data
}

// Buffer returns a buffer for gbytes.Say with what was written to stdout and stderr up to
// now; each call adds what is new. It is closed when the process has ended.
func (p *Process) Buffer() *gbytes.Buffer {
	_, exited := p.process.ExitStatus()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.buffer == nil {
		p.buffer = gbytes.NewBuffer()
	}
	for i, data := range [][]byte{p.Stdout(), p.Stderr()} {
		if n := int64(len(data)); n > p.copied[i] && !p.buffer.Closed() {
			_, _ = p.buffer.Write(data[p.copied[i]:])
			p.copied[i] = n
		}
	}
	if exited && !p.buffer.Closed() {
		_ = p.buffer.Close()
	}
	return p.buffer
}

// AliveAsBefore returns nil when the process runs with the descriptors, descendants,
// threads and zombies that it had when it was ready, or fewer; else what is different.
func (p *Process) AliveAsBefore() error {
	if exit, exited := p.process.ExitStatus(); exited {
		return fmt.Errorf("%v: %v", p.process.Command(), exit)
	}
	now, err := probe.MeasureUsage(p.process.ProcessTree())
	if err != nil {
		return err
	}
	g := now.GrowthSince(p.before)
	if g.Descriptors > 0 || g.CloseWait > 0 || g.Processes != 0 || g.Threads > threadSlack || g.Zombies > 0 {
		return fmt.Errorf("%v: %v", p.process.Command(), g)
	}
	return nil
}

// threadSlack is how many threads a runtime may start at its first request.
const threadSlack = 64

// Idle returns nil when the process has used no processor time worth mentioning in the
// given time from now, for which it blocks; else how much it was.
func (p *Process) Idle(d time.Duration) error {
	before := p.usage()
	sleep.For(context.Background(), d)
	after := p.usage()
	used, over := after.CPU-before.CPU, after.At.Sub(before.At)
	if used > over/5+20*time.Millisecond {
		return fmt.Errorf("%v used %v of CPU in %v while no client was connected", p.process.Command(), used, over.Round(time.Millisecond))
	}
	return nil
}

// String returns the command and how it is.
func (p *Process) String() string {
	if exit, exited := p.process.ExitStatus(); exited {
		return fmt.Sprintf("%v: %v", p.process.Command(), exit)
	}
	return fmt.Sprintf("%v: running as process %d", p.process.Command(), p.Pid())
}
