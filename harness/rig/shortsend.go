package rig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/hook"
)

const (
	// sendInterval is how often the server's send queue is looked at.
	sendInterval = 500 * time.Microsecond
	// socketLooks is how often the server's end of a connection is looked for.
	socketLooks = 20
	// sendPatience is the least time that a server has to send its reply. One that has
	// then sent nothing waits until there is more room.
	sendPatience = 300 * time.Millisecond
)

// roomMechanism is how a send is made short, for people.
const roomMechanism = "the send buffer was filled from outside (pidfd_getfd)"

// A shortSend makes one send of the peer under test short.
type shortSend struct {
	scenario.ShortSend
	rig  *rig
	pids func() []int // of the peer

	client          bool   // it is a client
	sender, message string // for people: server and reply, or client and request

	conn *heldConn
	done chan struct{} // closed when reads go on; nil: the exchange was not reached
	err  error         // why it was not made short; valid once done is closed
}

// errNothingTaken is wrapped by the error of a server that sends nothing into the room.
var errNothingTaken = errors.New("nothing of the message is sent")

// roomTries is how many conversations are held until a send takes the room: the kernel's
// probe of a window that is closed may use it up.
const roomTries = 3

// HoldShortSend implements [scenario.Rig].
func (a *rig) HoldShortSend(ctx context.Context, spec scenario.ShortSend) (err error) {
	for range roomTries {
		if err = a.holdShortSend(ctx, spec); !errors.Is(err, errNothingTaken) {
			return err
		}
	}
	return err
}

func (a *rig) holdShortSend(ctx context.Context, spec scenario.ShortSend) error {
	script := a.setup.testbed.script
	if script == nil {
		return errNoDialogue
	}
	_, address := a.setup.testbed.ServerProcess()
	raw, err := dialWindow(ctx, address, hook.SocketLimits{ReceiveBuffer: 1, SegmentSize: 536})
	if err != nil {
		return err
	}
	held := &heldConn{Conn: raw}
	conn, err := a.secure(held, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	t := newTraffic(conn, script)
	ctx, stop := a.WatchProgress(ctx, func() bool { return t.isIdle() && !held.isHeld() }, t.bytes.Load)
	defer stop()
	s := &shortSend{ShortSend: spec, rig: a, conn: held, pids: a.setup.testbed.ProcessTree, sender: "server", message: "reply"}
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	played := script.PlayClient(ctx, t, dialogue.Options{NoEnd: true, BeforeStep: func(i int) error {
		if i != spec.Exchange {
			return nil
		}
		return s.leaveRoom(watched)
	}})
	t.over.Store(true)
	cancel()
	return s.judgeSend(ctx, played, len(script.Steps))
}

// judgeSend tells what became of the conversation, and why there was no short send.
func (s *shortSend) judgeSend(ctx context.Context, played dialogue.Played, steps int) error {
	if s.done != nil {
		<-s.done
	}
	switch {
	case s.err != nil:
		return s.err
	case s.conn.isMixed():
		return fmt.Errorf("%w: the %s sends at other times too, so its send buffer cannot be filled from outside", scenario.ErrUnsupported, s.sender)
	case s.done == nil && played.Mismatch == nil && played.Steps < steps:
		return fmt.Errorf("before a send was made short: %s", played.Incomplete)
	}
	return checkPlayed(ctx, s.describeAction(), played, steps)
}

// checkPlayed says what is wrong with a conversation after a send was made short; nil: nothing is.
func checkPlayed(ctx context.Context, after string, played dialogue.Played, steps int) error {
	switch {
	case played.Mismatch != nil:
		return fmt.Errorf("%s: %w", after, played.Mismatch)
	case played.Steps < steps && ctx.Err() != nil:
		return fmt.Errorf("%s: %s: %w", after, played.Incomplete, context.Cause(ctx))
	case played.Steps < steps:
		return fmt.Errorf("%s: %s", after, played.Incomplete)
	}
	return nil
}

// describeAction says what was done, for the beginning of a message.
func (s *shortSend) describeAction() string {
	return fmt.Sprintf("after a send of the %s took %s of its %s", s.sender, plural.Count(s.Room, "byte"), s.message)
}
