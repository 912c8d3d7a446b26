package rig

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// A connect that is given up says why: for time, or for the cause of the context.
func TestDialThatIsGivenUp(t *testing.T) {
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	_, err := dial(late, "127.0.0.1:1")
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "no answer to the connect to 127.0.0.1:1 within the time limit" {
		t.Errorf("late: got %v", err)
	}
	reason := errors.New("reason")
	over, stop := context.WithCancelCause(t.Context())
	stop(reason)
	if _, err := dialServer(over, &net.Dialer{}, "127.0.0.1:1"); !errors.Is(err, reason) {
		t.Errorf("stopped: got %v", err)
	}
}

// What listens on no port of this host has no queue to look at.
func TestAwaitDrainedOfNoListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	if awaitDrained(t.Context(), address) {
		t.Error("got room in the queue of no listener")
	}
}
