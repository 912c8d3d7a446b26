package api

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
)

// An exhausted listener accepts only what the reserve has descriptors for.
type exhausted struct {
	net.Listener
	reserve  *spareDescriptors
	accepted []net.Conn
}

func (e *exhausted) Accept() (net.Conn, error) {
	if e.reserve.held()+len(e.accepted) >= spares {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	ours, theirs := net.Pipe()
	_ = theirs.Close()
	e.accepted = append(e.accepted, ours)
	return ours, nil
}

func (e *exhausted) Close() error { return nil }

func (r *spareDescriptors) held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept)
}

func TestReserveGivesDescriptorsUp(t *testing.T) {
	e := &exhausted{}
	r := newReserve(e)
	e.reserve = r
	if r.held() != spares {
		t.Fatalf("keeps %d, want %d", r.held(), spares)
	}
	c, err := r.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil || r.held() != spares {
		t.Errorf("keeps %d after the end of a connection, %v", r.held(), err)
	}
	for r.spendOne() {
	}
	if _, err := r.Accept(); err != nil { // without a spare one, too
		t.Fatal(err)
	}
	for range spares {
		e.accepted = append(e.accepted, nil)
	}
	r.closed = true // nothing comes back
	for r.spendOne() {
	}
	if _, err := r.Accept(); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v", err)
	}
	if _ = r.Close(); r.held() != 0 {
		t.Errorf("keeps %d when it is closed", r.held())
	}
}
