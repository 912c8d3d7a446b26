package mutate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// A relay stands between the program and its peer. For a server it accepts the peer's
// connections and dials the program; for a client the other way round.
type relay struct {
	mutation Mutation
	framing  dialogue.Framing
	ctx      context.Context // ends with the process
	stop     context.CancelFunc
	dial     func(context.Context) (*net.TCPConn, error)
	log      string // file that gets a line for each act; empty: none
	pairs    sync.WaitGroup
	outgoing sync.WaitGroup // what the program has said and the peer has not
	crashed  chan int       // status with which the process must end at once

	mu     sync.Mutex // guards what follows
	open   map[*pair]bool
	reply  []byte // that a mutation remembers
	leaked []*os.File
	busy   bool
}

func newRelay(ctx context.Context, m Mutation, f dialogue.Framing, log string, dial func(context.Context) (*net.TCPConn, error)) *relay {
	r := &relay{mutation: m, framing: f, dial: dial, log: log, open: map[*pair]bool{}, crashed: make(chan int, 1)}
	r.ctx, r.stop = context.WithCancel(ctx)
	return r
}

// act notes that the lie has been told.
func (r *relay) act() {
	if r.log == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := os.OpenFile(r.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return // the run's folder is gone: nobody will read it
	}
	defer f.Close()
	_, _ = f.WriteString("act\n")
}

// acceptPause is how long the relay waits when it has no descriptor for the next connection.
const acceptPause = 20 * time.Millisecond

// An acceptor is a *net.TCPListener; a test has its own.
type acceptor interface{ AcceptTCP() (*net.TCPConn, error) }

// serve relays what l accepts, until it is closed or the relay is stopped.
func (r *relay) serve(l acceptor) {
	for {
		conn, err := l.AcceptTCP()
		switch {
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
			if !sleep.For(r.ctx, acceptPause) {
				return
			}
			continue
		case err != nil:
			return
		}
		r.pairs.Go(func() { r.relayConn(conn) })
	}
}

// serveListener relays in the background until the function that it returns is called,
// which ends every connection and waits.
func (r *relay) serveListener(l *net.TCPListener) (stop func()) {
	var accepting sync.WaitGroup
	accepting.Go(func() { r.serve(l) })
	return func() {
		l.Close()
		accepting.Wait()
		r.close()
	}
}

// relayConn dials the other side and relays until both directions have ended.
func (r *relay) relayConn(accepted *net.TCPConn) {
	dialled, err := r.dial(r.ctx)
	if err != nil {
		_ = sock.ResetConn(accepted) // nobody is there: the nearest thing to a refusal
		return
	}
	p := newPair(r, accepted, dialled)
	if r.mutation.Role == scenario.Client {
		p = newPair(r, dialled, accepted)
	}
	r.setOpen(p, true)
	defer r.setOpen(p, false)
	p.relayBoth()
	if r.mutation.closed != nil {
		r.mutation.closed(p)
	}
}

func (r *relay) setOpen(p *pair, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open {
		r.open[p] = true
	} else {
		delete(r.open, p)
	}
}

func (r *relay) openPairs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.open)
}

// close ends every connection and waits.
func (r *relay) close() {
	r.stop()
	r.mu.Lock()
	for p := range r.open {
		p.closeConns()
	}
	for _, f := range r.leaked {
		f.Close()
	}
	r.mu.Unlock()
	r.pairs.Wait()
}

func (r *relay) rememberReply(m []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reply == nil {
		r.reply = bytes.Clone(m)
	}
}

func (r *relay) rememberedReply() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reply
}

// crash has the process end at once.
func (r *relay) crash(status int) {
	select {
	case r.crashed <- status:
	default:
	}
}

func (r *relay) exitInstead(code, other int) int {
	if code != other {
		r.act()
	}
	return other
}

func leakDescriptor(p *pair) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return
	}
	p.act()
	p.relay.mu.Lock()
	defer p.relay.mu.Unlock()
	p.relay.leaked = append(p.relay.leaked, f)
}

// spin keeps one processor busy, after a reset, until the process ends.
func spin(p *pair) {
	r := p.relay
	if !p.wasReset() {
		return
	}
	r.mu.Lock()
	again := r.busy
	r.busy = true
	r.mu.Unlock()
	if again {
		return
	}
	p.act()
	r.pairs.Go(func() {
		runtime.LockOSThread() // who looks for it looks at threads
		defer runtime.UnlockOSThread()
		for r.ctx.Err() == nil {
		}
	})
}

// connectAgain makes a connection that says nothing.
func connectAgain(p *pair) {
	conn, err := p.relay.dial(p.relay.ctx)
	if err != nil {
		return
	}
	p.act()
	conn.Close()
}

func dialTCP(ctx context.Context, addr string) (*net.TCPConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return conn.(*net.TCPConn), nil
}
