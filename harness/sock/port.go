package sock

import (
	"fmt"
	"net"
	"sync"

	"github.com/sockharness/harness/toxics/hook"
)

// A Port is bound to an address and stays so while it listens, refuses or
// hangs: no other process can take it in between. Its methods are safe for
// concurrent use and do not block for longer than a connect to this host takes.
// Create it with [BindPort] or [BindUnix].
//
// On systems other than Linux a port that refuses is not bound, and Hang is
// [ErrUnsupported].
type Port struct {
	addr net.Addr

	mu       sync.Mutex // guards what follows
	binding  holder     // nil after Close
	listener net.Listener
	accepts  bool // it listens
}

// A holder is what the kernel has of a port. The listeners that it returns do
// not outlive the next turn.
type holder interface {
	startListening() (net.Listener, error)
	refuseConnects() error
	blackHole() error
	setWindow(w hook.SocketLimits) error
	acceptPending() ([]net.Conn, error)
	closeSocket() error
}

// BindPort takes the address "host:port", for plain TCP and with the given window;
// port 0 picks a free one, an empty host is every address. The port refuses
// connections until Listen. The caller closes it.
func BindPort(addr string, w hook.SocketLimits) (*Port, error) {
	want, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("port bind: %w", err)
	}
	b, at, err := bindHolder(want, w)
	if err != nil {
		return nil, fmt.Errorf("port bind %s: %w", addr, err)
	}
	return &Port{addr: at, binding: b}, nil
}

// BindAddress takes an address as [ParseAddress] reads it: "host:port" as [BindPort] does, with
// the window, or "unix:path" as [BindUnix] does. The caller closes the port.
func BindAddress(text string, w hook.SocketLimits) (*Port, error) {
	switch network, at, err := ParseAddress(text); {
	case err != nil:
		return nil, fmt.Errorf("port bind %s: %w", text, err)
	case network == "unix":
		return BindUnix(at)
	case network == "tcp":
		return BindPort(at, w)
	default:
		return nil, fmt.Errorf("port bind %s: %s has no connections; use a TCP or a unix socket address", text, network)
	}
}

// Addr returns the address: a [*net.TCPAddr] with the port that was picked, or a
// [*net.UnixAddr].
func (p *Port) Addr() net.Addr { return p.addr }

// StartListening makes the port accept connections and returns a new listener, a
// [*net.TCPListener] or [*net.UnixListener]. The listener from before is closed.
// Listen, Refuse, Hang and Close of the port close the listener; closing it alone
// leaves the port as it is, so that connections wait for the next Listen.
func (p *Port) StartListening() (net.Listener, error) {
	var l net.Listener
	err := p.changeState("listen", true, func(b holder) (err error) {
		l, err = b.startListening()
		p.listener = l
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// RefuseConnects makes connects fail with ECONNREFUSED. Connections that nobody has
// accepted are reset; those accepted live on.
func (p *Port) RefuseConnects() error { return p.changeState("refuse", false, holder.refuseConnects) }

// BlackHole leaves connects without an answer, as a host does that drops packets:
// the queue of connections to accept is full of one of our own. Connections that
// nobody has accepted are reset. A connect that is under way when the port leaves this
// state is answered when its next SYN comes: the client's kernel repeats it about
// every second at first.
func (p *Port) BlackHole() error { return p.changeState("hang", false, holder.blackHole) }

// SetWindow gives the port another window, whatever it does at the moment: every
// connection that begins after Shape has returned has it, those that are open or
// wait to be accepted keep theirs. A zero field is the system's own again. A unix
// socket has none, so that nothing happens. The error is [ErrUnsupported] where
// the system cannot do it while the port is bound.
func (p *Port) SetWindow(w hook.SocketLimits) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.binding == nil {
		return fmt.Errorf("port shape: %w", net.ErrClosed)
	}
	if err := p.binding.setWindow(w); err != nil {
		return fmt.Errorf("port shape: %w", err)
	}
	return nil
}

// AcceptPending returns the connections that wait to be accepted, which a Close would
// reset. The caller closes them. Where the system has no way to ask for them it
// returns none.
func (p *Port) AcceptPending() ([]net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.binding == nil || !p.accepts {
		return nil, nil
	}
	return p.binding.acceptPending()
}

// changeState closes the listener and changes the binding's state, to one that accepts
// or not.
func (p *Port) changeState(state string, accepts bool, to func(holder) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.binding == nil {
		return fmt.Errorf("port %s: %w", state, net.ErrClosed)
	}
	p.closeListenerLocked()
	if err := to(p.binding); err != nil {
		return fmt.Errorf("port %s: %w", state, err)
	}
	p.accepts = accepts
	return nil
}

func (p *Port) closeListenerLocked() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// Close gives the port back. Connections that nobody has accepted are reset.
// It may be called more than once.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.binding == nil {
		return nil
	}
	p.closeListenerLocked()
	b := p.binding
	p.binding = nil
	return b.closeSocket()
}
