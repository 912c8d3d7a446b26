package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// A Relay passes connections on to a server and records them. Create it with
// [StartRelay]; the caller must Close it.
type Relay struct {
	listener net.Listener
	upstream string
	tasks    sync.WaitGroup
	done     chan struct{} // holds one element when a conversation is over

	mu    sync.Mutex // guards what follows
	over  []Conversation
	conns map[net.Conn]bool
}

// dialTime is how long the server may take to accept.
const dialTime = 5 * time.Second

// StartRelay listens at one address and passes each connection on to the other one.
func StartRelay(listen, upstream string) (*Relay, error) {
	c := net.ListenConfig{}
	c.SetMultipathTCP(false)
	l, err := c.Listen(context.Background(), "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("relay listen: %w", err)
	}
	r := &Relay{listener: l, upstream: upstream, done: make(chan struct{}, 1), conns: map[net.Conn]bool{}}
	r.tasks.Go(r.acceptAll)
	return r, nil
}

// Addr returns where clients connect to.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

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
		r.tasks.Go(func() { r.carry(conn.(*net.TCPConn)) })
	}
}

// carry passes one connection on, and records it.
func (r *Relay) carry(client *net.TCPConn) {
	d := net.Dialer{Timeout: dialTime}
	d.SetMultipathTCP(false)
	conn, err := d.Dial("tcp", r.upstream)
	if err != nil {
		client.Close()
		r.finish(Conversation{Err: fmt.Errorf("the server does not answer: %w", err)}, client, nil)
		return
	}
	server := conn.(*net.TCPConn)
	r.mu.Lock()
	r.conns[client], r.conns[server] = true, true
	r.mu.Unlock()
	c := Conversation{From: client.RemoteAddr().String()}
	var mu sync.Mutex // guards c
	var both sync.WaitGroup
	both.Go(func() { copyStream(&c, &mu, event.Upstream, client, server) })
	both.Go(func() { copyStream(&c, &mu, event.Downstream, server, client) })
	both.Wait()
	r.finish(c, client, server)
}

// copyStream copies one direction; its end is passed on as it came.
func copyStream(c *Conversation, mu *sync.Mutex, d event.Direction, from, to *net.TCPConn) {
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
