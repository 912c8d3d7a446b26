package capture

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A Relay passes connections on to a server and records them. Create it with
// [StartRelay]; the caller must Close it.
type Relay struct {
	listener net.Listener
	upstream string
	server   *tls.Config // to clients; nil: without TLS
	client   *tls.Config // to the server
	tasks    sync.WaitGroup
	done     chan struct{} // holds one element when a conversation is over

	mu    sync.Mutex // guards what follows
	over  []Conversation
	conns map[net.Conn]bool
}

// dialTime is how long the server may take to accept.
const dialTime = 5 * time.Second

// StartRelay listens at one address and passes each connection on to the other one; both
// are HOST:PORT or unix:PATH.
func StartRelay(listen, upstream string) (*Relay, error) {
	return StartTLSRelay(listen, upstream, nil, nil)
}

// StartTLSRelay is StartRelay for a conversation over TLS, of which it records the
// plaintext: it is the server of clients by one configuration, and a client of the server
// by the other one.
func StartTLSRelay(listen, upstream string, server, client *tls.Config) (*Relay, error) {
	l, err := sock.ListenAddress(context.Background(), listen)
	if err != nil {
		return nil, fmt.Errorf("relay listen: %w", err)
	}
	r := &Relay{listener: l, upstream: upstream, server: server, client: client, done: make(chan struct{}, 1), conns: map[net.Conn]bool{}}
	r.tasks.Go(r.acceptAll)
	return r, nil
}

// Addr returns where clients connect to, as a target has it.
func (r *Relay) Addr() string { return sock.FormatAddress(r.listener.Addr()) }

// Close ends every connection and waits for all that the relay has started.
func (r *Relay) Close() error {
	err := r.listener.Close()
	r.mu.Lock()
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.tasks.Wait()
	return err
}

func (r *Relay) acceptAll() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.tasks.Go(func() { r.carry(conn.(sock.Conn)) })
	}
}

// carry passes one connection on, and records it.
func (r *Relay) carry(client sock.Conn) {
	server, err := r.dialUpstream()
	if err != nil {
		client.Close()
		r.finish(Conversation{Err: fmt.Errorf("the server does not answer: %w", err)}, client, nil)
		return
	}
	if r.server != nil {
		client = tlsconn.WrapServer(client, r.server)
	}
	r.mu.Lock()
	r.conns[client], r.conns[server] = true, true
	r.mu.Unlock()
	if err := errors.Join(shakeHands("server", server), shakeHands("client", client)); err != nil {
		r.finish(Conversation{From: client.RemoteAddr().String(), Err: err}, client, server)
		return
	}
	c := Conversation{From: client.RemoteAddr().String()}
	var mu sync.Mutex // guards c
	var both sync.WaitGroup
	both.Go(func() { copyStream(&c, &mu, event.Upstream, client, server) })
	both.Go(func() { copyStream(&c, &mu, event.Downstream, server, client) })
	both.Wait()
	r.finish(c, client, server)
}

// handshakeTime bounds the handshake of TLS with either side.
const handshakeTime = 15 * time.Second

// shakeHands does the handshake of TLS with one side, where the connection has that.
func shakeHands(side string, conn sock.Conn) error {
	secured, ok := conn.(*tlsconn.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
	defer cancel()
	if err := secured.RunHandshake(ctx); err != nil {
		return fmt.Errorf("with the %s: %w", side, err)
	}
	return nil
}

func (r *Relay) dialUpstream() (sock.Conn, error) {
	network, address, err := sock.ParseAddress(r.upstream)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTime}
	d.SetMultipathTCP(false)
	conn, err := d.Dial(network, address)
	if err != nil {
		return nil, err
	}
	stream, ok := conn.(sock.Conn)
	switch {
	case !ok:
		conn.Close()
		return nil, fmt.Errorf("%s: %w", r.upstream, errors.ErrUnsupported)
	case r.client == nil:
		return stream, nil
	}
	return tlsconn.WrapClient(stream, r.client), nil
}

// copyStream copies one direction; its end is passed on as it came.
func copyStream(c *Conversation, mu *sync.Mutex, d event.Direction, from, to sock.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		mu.Lock()
		c.add(d, buf[:n])
		if err != nil && !errors.Is(err, net.ErrClosed) {
			c.end(d.Source(), dialogue.EndingOf(err))
		}
		mu.Unlock()
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite()
			return
		default:
			_ = sock.ResetConn(to)
			return
		}
	}
}

func (r *Relay) finish(c Conversation, conns ...net.Conn) {
	r.mu.Lock()
	r.over = append(r.over, c)
	for _, conn := range conns {
		if conn != nil {
			delete(r.conns, conn)
			conn.Close()
		}
	}
	r.mu.Unlock()
	select {
	case r.done <- struct{}{}:
	default:
	}
}

// WaitConversations blocks until so many conversations are over, or the context ends; it
// returns those that are. The error is nil unless there are none.
func (r *Relay) WaitConversations(ctx context.Context, n int) ([]Conversation, error) {
	for {
		r.mu.Lock()
		over := r.over
		r.mu.Unlock()
		if len(over) >= n {
			return over[:n], nil
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			if len(over) == 0 {
				return nil, fmt.Errorf("%w: no conversation came to its end", ErrUnusable)
			}
			return over, nil
		}
	}
}
