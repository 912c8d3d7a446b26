package scenariofile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// maxReceived is how many bytes of a connection are kept; more are an error.
const maxReceived = dialogue.MaxBytes

// A connection is one that the scenario plays a side of. One goroutine reads it
// from the moment it is open; close waits for that.
type connection struct {
	name  string
	token string // what ${connection} stands for on it
	conn  sock.Conn
	udp   bool
	tasks sync.WaitGroup

	mu       sync.Mutex       // guards what follows
	asked    []byte           // sent since the last expect: what the next answers belong to
	framing  dialogue.Framing // of what is expected
	received []byte           // since the connection was opened
	taken    int              // bytes that steps have used up
	sent     int
	ending   event.Ending  // of what is received; Open while more may come
	ends     []int         // of datagrams that no step has used up, in received; nil for a stream
	changed  chan struct{} // closed and replaced when something above changes
}

func newConnection(name, token string, conn sock.Conn) *connection {
	c := &connection{name: name, token: token, conn: conn, udp: conn.LocalAddr().Network() == "udp", changed: make(chan struct{})}
	c.tasks.Go(c.readLoop)
	return c
}

// noteAsked keeps what is sent, because it may tell where the answer ends.
func (c *connection) noteAsked(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, b...)
}

// answerFraming returns the framing of the next answer on the connection.
func (c *connection) answerFraming(f dialogue.Framing) dialogue.Framing {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.asked) > 0:
		c.framing, c.asked = f.AnsweringTo(c.asked), nil
	case c.framing.Kind != f.Kind:
		c.framing = f
	}
	return c.framing
}

func (c *connection) readLoop() {
	buf := make([]byte, 2<<10)
	if c.udp {
		buf = make([]byte, 64<<10) // a datagram comes whole or not at all
	}
	for {
		n, err := c.conn.Read(buf)
		full := c.storeBytes(buf[:n], err)
		if err != nil || full {
			return
		}
		if n == len(buf) && n < 64<<10 {
			buf = make([]byte, 64<<10)
		}
	}
}

// storeBytes keeps what was read, and reports whether that is all that is kept.
func (c *connection) storeBytes(b []byte, err error) (full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = append(c.received, b...)
	if c.udp && len(b) > 0 {
		c.ends = append(c.ends, len(c.received))
	}
	if err != nil {
		c.ending = dialogue.EndingOf(err)
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return len(c.received) > maxReceived
}

// awaitBytes blocks until done is true of the bytes that no step has used up and of how
// the stream has ended, and reports whether that came before the context's end.
func (c *connection) awaitBytes(ctx context.Context, done func(unread []byte, ending event.Ending) bool) bool {
	for {
		c.mu.Lock()
		unread, ending, changed := c.unreadLocked(), c.ending, c.changed
		c.mu.Unlock()
		if done(unread, ending) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// unreadLocked returns the bytes that no step has used up, of datagrams those of the first.
func (c *connection) unreadLocked() []byte {
	if len(c.ends) > 0 {
		return c.received[c.taken:c.ends[0]]
	}
	return c.received[c.taken:]
}

// useBytes uses up n bytes, of datagrams all of the first.
func (c *connection) useBytes(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken += n
	if len(c.ends) > 0 {
		c.taken, c.ends = c.ends[0], c.ends[1:]
	}
}

// sendBytes writes b. It blocks until the kernel has all of it.
func (c *connection) sendBytes(ctx context.Context, b []byte) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.conn.SetWriteDeadline(deadline); err != nil {
			return fmt.Errorf("write deadline: %w", err)
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	n, err := c.conn.Write(b)
	c.mu.Lock()
	c.sent += n
	c.mu.Unlock()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%d of %s could be sent because the peer does not read: %w", n, plural.Count(len(b), "byte"), context.Cause(ctx))
	}
	return fmt.Errorf("%d of %s could be sent, then writing ended with %s", n, plural.Count(len(b), "byte"), endingWord(dialogue.EndingOf(err)))
}

// sentBytes returns how many bytes were sent.
func (c *connection) sentBytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// closeConn ends the connection, as reset or with FIN, and waits for its reader.
func (c *connection) closeConn(reset bool) error {
	var err error
	if reset {
		err = sock.ResetConn(c.conn)
	} else {
		err = c.conn.Close()
	}
	c.tasks.Wait()
	if errors.Is(err, sock.ErrUnsupported) {
		return nil
	}
	return err
}
