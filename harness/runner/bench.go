package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// errControl is wrapped by the error of a target whose conversation fails
// without any fault.
var errControl = errors.New("fails without the fault too")

// A bench is one target with its server running and its control conversation
// known.
type bench struct {
	config Config
	target scenario.Target
	seed   chance.Source
	script *dialogue.Script // nil when neither peer is a dialogue

	hangs   atomic.Int64 // scenarios with a peer that hung, or that burned a processor for nobody, confirmed
	rumours atomic.Int64 // the same, not confirmed
	caught  atomic.Bool  // a zoo has found what is planted, by its check

	mu           sync.Mutex // guards what follows; held while the server starts
	server       *peer.Process
	terminated   bool   // the server was asked to end
	address      string // of the server, when it is not a dialogue
	folder       string // the server's {tmp}, the same after a restart
	conversation scenario.Conversation
	controlled   bool
	failed       error // of the start or the control: it is not tried again
	closed       bool
}

func newBench(c Config, t scenario.Target) *bench {
	return &bench{config: c, target: t, seed: chance.New(c.Seed).Split(t.Name)}
}

// divisible reports whether there may be more than one server of the target at a time.
func (b *bench) divisible() bool {
	s := b.target.Server
	return s.Dialogue != nil || s.Address == "" && b.command(s).TakesPort()
}

// twin returns another bench of the target, on which nothing is started yet. The
// caller closes it.
func (b *bench) twin() *bench {
	b.mu.Lock()
	defer b.mu.Unlock()
	twin := &bench{config: b.config, target: b.target, seed: b.seed, script: b.script, conversation: b.conversation, controlled: b.controlled}
	twin.hangs.Store(b.hangs.Load())
	twin.rumours.Store(b.rumours.Load())
	return twin
}

// ready starts what must be started, and holds the control conversation once.
func (b *bench) ready(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil {
		return b.failed
	}
	err := b.prepare(ctx)
	if err != nil && ctx.Err() == nil {
		b.failed = err
	}
	return err
}

func (b *bench) prepare(ctx context.Context) error {
	if err := b.loadScript(); err != nil {
		return err
	}
	if err := b.startServerLocked(ctx); err != nil {
		return err
	}
	if b.controlled {
		return nil
	}
	conversation, err := b.calibrate(ctx)
	if err != nil {
		return err
	}
	b.conversation, b.controlled = conversation, true
	return nil
}

func (b *bench) loadScript() error {
	if b.script != nil {
		return nil
	}
	d, err := b.target.Dialogue()
	if err != nil || d == nil {
		return err
	}
	b.script, err = d.Script(b.seed.Split("dialogue"))
	return err
}

// startServerLocked starts the server process unless it runs.
func (b *bench) startServerLocked(ctx context.Context) error {
	s := b.target.Server
	switch {
	case b.closed:
		return errors.New("the runner is closed")
	case s.Address != "":
		b.address = s.Address
		return peer.Address{Network: "tcp", Addr: s.Address}.Check(ctx)
	case s.Dialogue != nil:
		return nil
	}
	if b.server != nil {
		if _, ended := over(b.server); !ended {
			return nil
		}
		b.server.Close()
		b.server = nil
	}
	if b.folder == "" {
		folder, err := b.tmp(s)
		if err != nil {
			return err
		}
		b.folder = folder
	}
	process, err := b.command(s).StartServer(ctx, peer.Vars{Tmp: b.folder})
	if err != nil {
		return err
	}
	b.server, b.address = process, process.Addr().String()
	return nil
}

// restart stops the server and starts it again on the port it had.
func (b *bench) restart(ctx context.Context) error {
	b.mu.Lock()
	server := b.server
	b.mu.Unlock()
	if server == nil {
		return errNotOurs
	}
	if _, err := server.Stop(ctx); err != nil {
		return fmt.Errorf("server stop: %w", err)
	}
	return b.startAgain(ctx)
}

// terminate asks the server to end, which is no crash from then on.
func (b *bench) terminate() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return errNotOurs
	}
	b.terminated = true
	return b.server.Signal(syscall.SIGTERM)
}

// startAgain starts the server on the port it had.
func (b *bench) startAgain(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return errNotOurs
	}
	addr := b.server.Addr()
	b.server.Close()
	b.server, b.terminated = nil, false
	process, err := b.command(b.target.Server).StartServer(ctx, peer.Vars{Host: addr.Addr().String(),
		Port: fmt.Sprint(addr.Port()), Tmp: b.folder})
	if err != nil {
		return err
	}
	b.server = process
	return nil
}

// ended reports whether the server was asked to end and not started again.
func (b *bench) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.terminated
}

// startClient starts the client program against the address of a proxy.
func (b *bench) startClient(ctx context.Context, proxy net.Addr, scenario string) (*peer.Process, error) {
	host, port, err := net.SplitHostPort(proxy.String())
	if err != nil {
		return nil, err
	}
	tmp, err := b.tmp(b.target.Client)
	if err != nil {
		return nil, err
	}
	return b.command(b.target.Client).StartClient(ctx, peer.Vars{Host: host, Port: port, Addr: proxy.String(), Tmp: tmp, Scenario: scenario})
}

// tmp returns the folder for {tmp} in the peer's command: one of its own for each
// process that asks for it, for others run at the same time.
func (b *bench) tmp(p scenario.Peer) (string, error) {
	asks := func(word string) bool { return strings.Contains(word, "{tmp}") }
	if !slices.ContainsFunc(p.Command, asks) && !slices.ContainsFunc(p.Env, asks) {
		return b.config.Tmp, nil
	}
	return os.MkdirTemp(b.config.Tmp, "peer-")
}

func (b *bench) command(p scenario.Peer) peer.Command {
	args := make([]string, len(p.Command))
	for i, word := range p.Command {
		args[i] = strings.ReplaceAll(word, "{self}", b.config.Self)
	}
	return peer.Command{Args: args, Dir: b.target.Dir, Env: p.Env, Ready: p.Ready, StartTimeout: b.config.StartTimeout}
}

// process returns the server process and its address; nil when it is none.
func (b *bench) process() (*peer.Process, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server, b.address
}

// tree returns the ids of the server's processes.
func (b *bench) tree() []int {
	if process, _ := b.process(); process != nil {
		return process.Tree()
	}
	return nil
}

// hung reports whether the target is known to hang.
func (b *bench) hung() bool { return b.hangs.Load() >= knownHangs }

// knownHangs is how many scenarios must have hung until that is what a target does.
const knownHangs = 2

// suspected reports whether the target is known to hang, or said to.
func (b *bench) suspected() bool { return b.hangs.Load()+b.rumours.Load() >= knownHangs }

// near is tree for those who count, who may miss one that begins or ends.
func (b *bench) near() []int {
	if process, _ := b.process(); process != nil {
		return process.Near()
	}
	return nil
}

// busy reports whether the server burns a processor although nobody talks to it:
// the next scenario would be judged on what is left of this one.
func (b *bench) busy(ctx context.Context) bool {
	const look = 10 * time.Millisecond
	before := threads(b.near())
	if len(before) == 0 || !sleep(ctx, look) {
		return false
	}
	busiest := since(before, threads(b.near())).busiest
	return busiest.Ran+busiest.Waited >= look*8/10
}

// discard ends a server that does not serve any more; the next variant starts
// a new one.
func (b *bench) discard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		b.server.Kill()
		b.server.Close()
		b.server, b.terminated = nil, false
	}
}

func (b *bench) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.server != nil {
		b.server.Close()
		b.server = nil
	}
}
