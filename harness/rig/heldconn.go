package rig

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// A heldConn is a connection whose reads can be held back, and which skips what another
// process's send buffer was filled with.
type heldConn struct {
	sock.Conn
	reading sync.Mutex // held in a read of the connection below

	arrived []byte // before the filler; guarded by reading
	skip    int    // bytes of filler to come; guarded by reading
	mixed   bool   // there was something else in it; guarded by reading

	mu       sync.Mutex
	held     chan struct{} // closed when reads go on; nil: they are not held
	deadline time.Time     // that the reader has set
}

// holdReads keeps reads back and returns when none is under way.
func (c *heldConn) holdReads() {
	c.mu.Lock()
	c.held = make(chan struct{})
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	c.mu.Unlock()
	c.reading.Lock()
	defer c.reading.Unlock()
}

// takeArrived keeps what has arrived, for later reads.
func (c *heldConn) takeArrived() error {
	c.reading.Lock()
	defer c.reading.Unlock()
	n, err := sock.InQueue(c.Conn)
	if err != nil || n == 0 {
		return err
	}
	b := make([]byte, n)
	_ = c.Conn.SetReadDeadline(time.Time{})
	_, err = io.ReadFull(c.Conn, b)
	c.arrived = append(c.arrived, b...)
	return err
}

// isMixed reports whether the other end has sent something between the filler.
func (c *heldConn) isMixed() bool {
	c.reading.Lock()
	defer c.reading.Unlock()
	return c.mixed
}

// releaseReads lets reads go on, behind so many bytes of filler.
func (c *heldConn) releaseReads(filled int) {
	c.reading.Lock()
	c.skip = filled
	c.reading.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.Conn.SetReadDeadline(c.deadline)
	close(c.held)
	c.held = nil
}

// isHeld reports whether reads are kept back.
func (c *heldConn) isHeld() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held != nil
}

func (c *heldConn) awaitRelease() {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	if held != nil {
		<-held
	}
}

// SetReadDeadline implements [net.Conn].
func (c *heldConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deadline = t; c.held != nil {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline implements [net.Conn].
func (c *heldConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

// Read implements [net.Conn].
func (c *heldConn) Read(p []byte) (int, error) {
	for {
		c.awaitRelease()
		n, err := c.readBelow(p)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.isHeld() {
			return n, err
		}
	}
}

func (c *heldConn) readBelow(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.isHeld() {
		return 0, os.ErrDeadlineExceeded
	}
	if len(c.arrived) > 0 {
		n := copy(p, c.arrived)
		c.arrived = c.arrived[n:]
		return n, nil
	}
	for c.skip > 0 {
		b := make([]byte, min(c.skip, 64<<10))
		n, err := c.Conn.Read(b)
		for _, x := range b[:n] {
			if x != sock.Filler {
				c.mixed = true
				return 0, fmt.Errorf("byte %#x in what the send buffer was filled with", x)
			}
		}
		if c.skip -= n; err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}
