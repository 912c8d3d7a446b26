package api

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
)

// spares is how many descriptors are kept for requests.
const spares = 16

// A spareDescriptors is a listener that accepts when all descriptors of the process are
// used up, as a proxy can do whose clients never leave, or whose upstream is
// itself: else nobody could ask the daemon any more to do something about it. It
// keeps some descriptors open for nothing, and gives one of them up for each
// request that finds no other.
type spareDescriptors struct {
	net.Listener

	mu     sync.Mutex // guards what follows
	kept   []*os.File
	closed bool
}

func newReserve(l net.Listener) *spareDescriptors {
	r := &spareDescriptors{Listener: l}
	r.refillAll()
	return r
}

// Accept implements [net.Listener].
func (r *spareDescriptors) Accept() (net.Conn, error) {
	for {
		c, err := r.Listener.Accept()
		switch {
		case err == nil:
			r.refillAll()
			return &reserved{Conn: c, reserve: r}, nil
		case !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || !r.spendOne():
			return nil, err
		}
	}
}

// Close implements [net.Listener].
func (r *spareDescriptors) Close() error {
	r.mu.Lock()
	r.closed = true
	for _, f := range r.kept {
		_ = f.Close()
	}
	r.kept = nil
	r.mu.Unlock()
	return r.Listener.Close()
}

// spendOne gives a descriptor up, if there is one.
func (r *spareDescriptors) spendOne() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == 0 {
		return false
	}
	last := len(r.kept) - 1
	_ = r.kept[last].Close()
	r.kept = r.kept[:last]
	return true
}

// refillAll takes back what can be had.
func (r *spareDescriptors) refillAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closed && len(r.kept) < spares {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return
		}
		r.kept = append(r.kept, f)
	}
}

// A reserved is a connection whose descriptor becomes a spare one at its end.
type reserved struct {
	net.Conn
	reserve *spareDescriptors
	once    sync.Once
}

// Close implements [net.Conn].
func (c *reserved) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.reserve.refillAll)
	return err
}
