package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// errControl is wrapped by the error of a target whose conversation fails
// without any fault.
var errControl = errors.New("fails without any fault")

// errNotReachable is wrapped by the error of a server's address at which nobody listens.
var errNotReachable = errors.New("the server cannot be reached")

// A testbed is one target with its server running and its control conversation
// known.
type testbed struct {
	config Config
	target scenario.Target
	seed   seed.Source
	book   addressBook
	script *dialogue.Script        // nil when neither peer is a dialogue; of what is said in TLS, where that begins later
	before *dialogue.Script        // what is said before TLS; nil: nothing is
	tls    *scenario.Certification // nil on other transports, and before it is needed

	confirmedHangs   atomic.Int64 // scenarios with a peer that hung, or that burned a processor for nobody, confirmed
	unconfirmedHangs atomic.Int64 // the same, not confirmed
	plantedFound     atomic.Bool  // a zoo has found what is planted, by its check
	retriesOn        atomic.Bool  // the client was still trying to connect when its time was over

	controlEvents atomic.Pointer[[]event.Event] // of the first control; nil before it
	unasked       unaskedAnswer

	idleSockets      atomic.Int64                      // that the server has open when nobody talks to it
	controlRecording atomic.Pointer[capture.Recording] // of the last control; nil: nothing is recorded
	dialed           sync.Map                          // netip.AddrPort: where proxies have connected to the server from
	leavers          atomic.Int64                      // connections past the proxy in the last control that had any
	unsettled        atomic.Int64                      // times that it had more of them for long, see quiesce

	mu           sync.Mutex // guards what follows; held while the server starts
	services     services
	server       *peer.Process
	terminated   bool   // the server was asked to end
	address      string // of the server, when it is not a dialogue
	folder       string // the server's {tmp}, the same after a restart
	path         string // the server's {path}, the same after a restart; empty: it has none yet
	conversation scenario.Conversation
	remarks      []outcome.Remark // that no result tells yet
	pastProxy    string           // what no result tells yet of connections past the proxy
	controlDone  bool
	controlFile  string // of the recording that was written; empty: none was

	startErr error // of the start or the control: it is not tried again
	closed   bool
}

func newTestbed(c Config, t scenario.Target) *testbed {
	return &testbed{config: c, target: t, book: newAddressBook(c.Tmp), seed: seed.New(c.Seed).SplitBy(t.Name)}
}

// canRunTwice reports whether there may be more than one server of the target at a time.
func (b *testbed) canRunTwice() bool {
	s := b.target.Server
	return s.Dialogue != nil || s.Address == "" && b.expandCommand(s).TakesAddress()
}

// cloneTestbed returns another bench of the target, on which nothing is started yet. The
// caller closes it.
func (b *testbed) cloneTestbed() *testbed {
	b.mu.Lock()
	defer b.mu.Unlock()
	clone := &testbed{config: b.config, book: b.book, target: b.target, seed: b.seed, script: b.script, before: b.before, tls: b.tls, conversation: b.conversation, controlDone: b.controlDone}
	clone.confirmedHangs.Store(b.confirmedHangs.Load())
	clone.unconfirmedHangs.Store(b.unconfirmedHangs.Load())
	clone.retriesOn.Store(b.retriesOn.Load())
	clone.controlEvents.Store(b.controlEvents.Load())
	return clone
}

// ensureReady starts what must be started, and holds the control conversation once.
func (b *testbed) ensureReady(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.startErr != nil {
		return b.startErr
	}
	err := b.startAndControl(ctx)
	if err != nil && ctx.Err() == nil {
		b.startErr = err
	}
	return err
}

func (b *testbed) startAndControl(ctx context.Context) error {
	if err := b.checkListenHost(ctx); err != nil {
		return err
	}
	if err := b.loadScript(); err != nil {
		return err
	}
	if b.tls == nil && b.target.Transport() == scenario.TLS {
		var err error
		if b.tls, err = scenario.Certify(b.target, b.config.Tmp); err != nil {
			return err
		}
	}
	if err := b.startServicesLocked(ctx); err != nil {
		return err
	}
	if err := b.startServerLocked(ctx); err != nil {
		return err
	}
	if b.controlDone || b.target.Lone() {
		return nil
	}
	conversation, err := b.runControls(ctx)
	if err != nil {
		return err
	}
	b.conversation, b.controlDone = conversation, true
	return nil
}

func (b *testbed) loadScript() error {
	if b.script != nil {
		return nil
	}
	d, err := b.target.ParseDialogue()
	if err != nil || d == nil {
		return err
	}
	b.script, err = d.ScriptWithKeys(b.seed.SplitBy("dialogue"), dialogue.NewKeys(b.config.Tmp))
	if err == nil {
		err = b.loadBefore()
	}
	if err != nil {
		return err
	}
	if b.script.ConnectionCount() > 0 {
		return b.prepareDataConnections()
	}
	if b.transport() == scenario.UDP {
		b.script = b.script.WithDatagrams()
	}
	return nil
}

// loadBefore reads what is said before TLS.
func (b *testbed) loadBefore() error {
	d, err := b.target.ParseBeforeTLS()
	if err != nil || d == nil {
		return err
	}
	b.before, err = d.ScriptWithKeys(b.seed.SplitBy("before TLS"), dialogue.NewKeys(b.config.Tmp))
	return err
}

// prepareDataConnections says where the data connections of the script lead.
func (b *testbed) prepareDataConnections() error {
	if t := b.transport(); t != scenario.TCP && t != scenario.TLS {
		return fmt.Errorf("%w: the dialogue connects to a port, and the transport is %s", scenario.ErrUnsupported, t)
	}
	if host, _, err := net.SplitHostPort(b.target.Server.Address); err == nil {
		b.script = b.script.WithDataHost(host)
	}
	return nil
}

// startServerLocked starts the server process unless it runs.
func (b *testbed) startServerLocked(ctx context.Context) error {
	s := b.target.Server
	switch {
	case b.closed:
		return errors.New("the runner is closed")
	case s.Address != "":
		if b.address = s.Address; b.transport() == scenario.UDP {
			b.address = udpPrefix + b.target.DatagramServer()
			return nil // a port of UDP does not tell whether somebody listens
		}
		return checkReachable(ctx, s.Address)
	case s.Dialogue != nil || s.Absent():
		return nil
	}
	if b.server != nil {
		if _, ended := exitedServer(b.server); !ended {
			return nil
		}
		b.server.Close()
		b.server = nil
	}
	if b.folder == "" {
		folder, err := b.tempFolder(s)
		if err != nil {
			return err
		}
		b.folder = folder
	}
	process, address, err := b.launchServer(ctx, s)
	if err != nil {
		return err
	}
	b.server, b.address = process, address
	if n, ok := countSockets(process); ok {
		b.idleSockets.Store(int64(n))
	}
	return nil
}

// checkReachable returns an error where nobody listens at the address of a server.
func checkReachable(ctx context.Context, address string) error {
	network, at, err := sock.ParseAddress(address)
	if err == nil {
		err = peer.Address{Network: network, Addr: at}.CheckListening(ctx)
	}
	switch {
	case err == nil:
		return nil
	case network == "unix" && errors.Is(err, syscall.ECONNREFUSED):
		err = fmt.Errorf("%w: the socket file is left of a server that has ended", err)
	}
	return fmt.Errorf("%w: %w", errNotReachable, err)
}

// freePathLocked gives the server a path. What a server of ours that was killed has left
// there is removed: whether a server copes with that is a scenario's business.
func (b *testbed) freePathLocked() (err error) {
	if b.path == "" {
		b.path, err = b.book.newPath("s")
		return err
	}
	if err := os.Remove(b.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("socket file of the server: %w", err)
	}
	return nil
}

// restartServer stops the server and starts it again on the port it had.
func (b *testbed) restartServer(ctx context.Context) error {
	b.mu.Lock()
	server := b.server
	b.mu.Unlock()
	if server == nil {
		return errNotOurs
	}
	if _, err := server.StopTree(ctx); err != nil {
		return fmt.Errorf("server stop: %w", err)
	}
	return b.startAgain(ctx)
}

// terminateServer asks the server to end, which is no crash from then on.
func (b *testbed) terminateServer() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return errNotOurs
	}
	err := b.server.SignalGroup(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("the server had ended before SIGTERM: %w", err) // that end is a crash
	}
	b.terminated = true
	return err
}

// expectEnd says that the end of the server is no crash from now on.
func (b *testbed) expectEnd() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.terminated = true
}

// startAgain starts the server on the port it had.
func (b *testbed) startAgain(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return errNotOurs
	}
	b.server.Close()
	b.server, b.terminated = nil, false
	process, err := b.relaunchServer(ctx)
	if err != nil {
		return err
	}
	b.server = process
	return nil
}

// wasTerminated reports whether the server was asked to end and not started again.
func (b *testbed) wasTerminated() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.terminated
}

// startClient starts the client program against the address of a proxy. Its connects are
// answered by onConnect; nil: they lead to the proxy, where it is not told that.
func (b *testbed) startClient(ctx context.Context, proxy string, scenario string, onConnect func(netip.AddrPort) peer.ConnectReply) (*peer.Process, error) {
	tmp, err := b.tempFolder(b.target.Client)
	if err != nil {
		return nil, err
	}
	vars := peer.VarsAt(proxy)
	vars.Tmp, vars.Scenario = tmp, scenario
	command := b.expandCommand(b.target.Client)
	if command.OnConnect = onConnect; onConnect == nil {
		if command.OnConnect, err = b.target.Client.RedirectConnects(ctx, proxy); err != nil {
			return nil, err
		}
	}
	command.Hosts = b.target.Client.HostsFile(ctx)
	process, err := command.StartClient(ctx, vars)
	return process, unsupportedIfUnable(err)
}

// tempFolder returns the folder for {tmp} in the peer's command: one of its own for each
// process that asks for it, for others run at the same time.
func (b *testbed) tempFolder(p scenario.Peer) (string, error) {
	asks := func(word string) bool { return strings.Contains(word, "{tmp}") }
	if !slices.ContainsFunc(p.Command, asks) && !slices.ContainsFunc(p.Env, asks) {
		return b.config.Tmp, nil
	}
	return os.MkdirTemp(b.config.Tmp, "peer-")
}

func (b *testbed) expandCommand(p scenario.Peer) peer.Command {
	words := p.Command
	if b.target.Transport().IsStdio() && p.Dialogue == nil {
		words = b.target.ServerCommand().Args
	}
	args := replaceWords(b.services.expand(words), "{self}", b.config.Self)
	c := peer.Command{Args: b.tls.ExpandWords(args), Dir: b.target.Dir, Env: b.tls.ExpandWords(b.services.expand(p.Env)), Ready: p.Ready, StartTimeout: b.config.StartTimeout}
	if b.transport() == scenario.Unix {
		c.Network = "unix"
	}
	return c
}

// serverProcess returns the server process and its address; nil when it is none.
func (b *testbed) serverProcess() (*peer.Process, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server, b.address
}

// processTree returns the ids of the server's processes.
func (b *testbed) processTree() []int {
	if process, _ := b.serverProcess(); process != nil {
		return process.ProcessTree()
	}
	return nil
}

// servicesTree returns the ids of the processes of the target's services.
func (b *testbed) servicesTree() []int {
	b.mu.Lock()
	running := services{running: b.services.running}
	b.mu.Unlock()
	return running.processTree()
}

// knownToHang reports whether the target is known to hang.
func (b *testbed) knownToHang() bool { return b.confirmedHangs.Load() >= maxKnownHangs }

// maxKnownHangs is how many scenarios must have hung until that is what a target does.
const maxKnownHangs = 2

// suspectedToHang reports whether the target is known to hang, or said to.
func (b *testbed) suspectedToHang() bool {
	return b.confirmedHangs.Load()+b.unconfirmedHangs.Load() >= maxKnownHangs
}

// approxTree is tree for those who count, who may miss one that begins or ends.
func (b *testbed) approxTree() []int {
	if process, _ := b.serverProcess(); process != nil {
		return process.ApproxTree()
	}
	return nil
}

// How long a server is looked at that is awake although nobody talks to it, and how often:
// one that has just seen its client leave sleeps after a millisecond.
const (
	idleLook   = 10 * time.Millisecond
	idleGlance = 500 * time.Microsecond
)

// spinsWhenIdle reports whether the server burns a processor although nobody talks to it:
// the next scenario would be judged on what is left of this one.
func (b *testbed) spinsWhenIdle(ctx context.Context) bool {
	process, _ := b.serverProcess()
	if process == nil || !isAwake(process) {
		return false // most servers are told so in a twentieth of a millisecond
	}
	var began time.Time // of the measurement
	var first await.ThreadStats
	last := process.CPUTimes()
	for first == nil || time.Since(began) < idleLook {
		if !sleep.For(ctx, idleGlance) {
			return false
		}
		now := process.CPUTimes()
		if maps.Equal(last, now) && !process.AnyRunnable() {
			return false // none has run for a while
		}
		if last = now; first != nil {
			continue
		}
		if began, first = time.Now(), await.ReadThreadStats(process.ApproxTree()); len(first) == 0 {
			return false
		}
	}
	passed := time.Since(began)
	busiest := await.ReadThreadStats(process.ApproxTree()).GrowthSince(first).Busiest
	return busiest.Ran+busiest.Waited >= passed*8/10
}

// isAwake reports whether a thread of the server runs, or wants to, at one of two looks: one
// that spins may sleep at the first, between two calls.
func isAwake(server *peer.Process) bool {
	for range 2 {
		if server.AnyRunnable() {
			return true
		}
	}
	return false
}

// discardServer ends a server that does not serve any more; the next variant starts
// a new one.
func (b *testbed) discardServer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		b.server.KillTree()
		b.server.Close()
		b.server, b.terminated = nil, false
	}
}

func (b *testbed) closeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.server != nil {
		b.server.Close()
		b.server = nil
	}
	b.services.closeAll()
}
