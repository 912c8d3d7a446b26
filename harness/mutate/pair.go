package mutate

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// tailWait is how long the relay waits for the rest of a message before it takes what
// is there for one: a prompt has no line end.
const tailWait = 20 * time.Millisecond

// A pair is a connection of the program and one of its peer. Its state is that of the
// program's direction, except where a comment says otherwise.
type pair struct {
	relay         *relay
	peer, program *net.TCPConn

	messages int    // of the program so far, with the one in hand
	held     []byte // a message that waits for the next
	keepOpen bool   // the peer does not learn that the program has ended the connection
	endAfter bool   // the connection ends after the message in hand

	mu        sync.Mutex // guards what follows
	sentBytes int        // to the peer
	answered  bool       // a reply was sent ahead of the program's
	heardAny  bool       // the peer has said something
	lastHeard time.Time
	asked     bool // the peer has said something and nothing was said since
	peerEnded bool // the peer has sent FIN or RST
	peerReset bool // it was RST
	spokeLast bool // something was said since the peer has ended: it half-closed
}

func newPair(r *relay, peer, program *net.TCPConn) *pair {
	return &pair{relay: r, peer: peer, program: program}
}

func (p *pair) act() { p.relay.act() }

func (p *pair) closeConns() {
	p.peer.Close()
	p.program.Close()
}

func (p *pair) sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sentBytes
}

// toPeer writes bytes to the peer. Errors show where the peer is read.
func (p *pair) toPeer(b []byte) {
	n, _ := p.peer.Write(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sentBytes += n
	p.asked, p.spokeLast = false, p.peerEnded
}

// actAtEnd counts a lie about an ending where the peer is still there to see it.
func (p *pair) actAtEnd() {
	p.mu.Lock()
	seen := !p.peerEnded || p.spokeLast
	p.mu.Unlock()
	if seen {
		p.act()
	}
}

// setPeerEnded notes how the peer has ended its direction, and reports whether it waits
// for an answer.
func (p *pair) setPeerEnded(e event.Ending) (asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peerEnded, p.peerReset = true, e == event.Reset
	return p.asked
}

// wasReset reports whether the peer has reset the connection.
func (p *pair) wasReset() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peerReset
}

// relayBoth blocks until both directions have ended, and closes both connections.
func (p *pair) relayBoth() {
	defer p.closeConns()
	if opened := p.relay.mutation.opened; opened != nil && !opened(p) {
		_ = sock.ResetConn(p.peer)
		return
	}
	var other sync.WaitGroup
	other.Go(p.relayIncoming)
	p.relay.outgoing.Add(1)
	p.relayOutgoing()
	p.relay.outgoing.Done()
	p.awaitEnd()
	other.Wait()
}

// relayIncoming relays what the peer says to the program.
func (p *pair) relayIncoming() {
	m := p.relay.mutation
	buf := make([]byte, 64<<10)
	for {
		n, err := p.peer.Read(buf)
		if n > 0 && (m.heard == nil || m.heard(p, buf[:n])) {
			if _, writeErr := p.program.Write(buf[:n]); writeErr != nil && endingOf(writeErr) == event.Reset {
				_ = sock.ResetConn(p.peer)
			}
		}
		if n > 0 {
			p.mu.Lock()
			p.heardAny, p.asked, p.lastHeard = true, true, time.Now()
			p.mu.Unlock()
		}
		if err != nil {
			p.endIncoming(err)
			return
		}
	}
}

func (p *pair) endIncoming(err error) {
	asked := p.setPeerEnded(endingOf(err))
	switch m := p.relay.mutation; {
	case endingOf(err) == event.Reset:
		_ = sock.ResetConn(p.program)
	case m.dropAtFIN && asked:
		p.act()
		_ = sock.ResetConn(p.peer)
		p.program.Close()
	case m.hidesEnd:
		p.act()
	default:
		_ = p.program.CloseWrite()
	}
}

// relayOutgoing relays what the program says to the peer, message by message.
func (p *pair) relayOutgoing() {
	buf := make([]byte, 64<<10)
	var tail []byte
	for {
		deadline := time.Time{}
		if len(tail) > 0 || p.held != nil {
			deadline = time.Now().Add(tailWait)
		}
		_ = p.program.SetReadDeadline(deadline) // an error shows in Read
		n, err := p.program.Read(buf)
		tail = append(tail, buf[:n]...)
		waited := errors.Is(err, os.ErrDeadlineExceeded)
		tail = p.relayMessages(tail, err != nil)
		switch {
		case p.endAfter:
			p.closeConns()
			return
		case err != nil && !waited:
			p.endOutgoing(endingOf(err))
			return
		}
	}
}

// relayMessages sends the whole messages of b, or all of it, and returns the rest.
func (p *pair) relayMessages(b []byte, all bool) []byte {
	f := p.relay.framing
	for len(b) > 0 && !p.endAfter {
		_, size, ok, err := f.FirstMessage(b, false)
		if !ok || err != nil || size == 0 {
			if !all {
				return b
			}
			size = len(b)
		}
		p.relayMessage(append([]byte(nil), b[:size]...))
		b = b[size:]
	}
	if all && p.held != nil {
		p.toPeer(p.held)
		p.held = nil
	}
	return nil
}

func (p *pair) relayMessage(m []byte) {
	p.messages++
	pieces := [][]byte{m}
	if lie := p.relay.mutation.message; lie != nil {
		pieces = lie(p, m)
	}
	for _, piece := range pieces {
		p.toPeer(piece)
	}
}

// endOutgoing ends what the peer hears as the program has ended it, or as the lie has it.
func (p *pair) endOutgoing(e event.Ending) {
	if lie := p.relay.mutation.end; lie != nil {
		e = lie(p, e)
	}
	switch e {
	case event.EOF:
		_ = p.peer.CloseWrite()
	case event.Reset:
		_ = sock.ResetConn(p.peer)
	case event.Open:
		p.keepOpen = true
	}
}

// awaitEnd keeps a connection open that only the end of the process ends.
func (p *pair) awaitEnd() {
	if p.keepOpen {
		<-p.relay.ctx.Done()
	}
}

// endingOf tells a reset from an end.
func endingOf(err error) event.Ending {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return event.Reset
	}
	return event.EOF
}
