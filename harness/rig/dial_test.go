package rig

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/peer"
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
	port, release, err := peer.FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if awaitDrained(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) {
		t.Error("got room in the queue of no listener")
	}
}
