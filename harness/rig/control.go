package rig

import (
	"context"
	"errors"
	"time"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// ErrControl is wrapped by the error of a conversation that fails without any fault.
var ErrControl = errors.New("fails without any fault")

// ControlTimeout is how long the conversation without a fault may take. It only has to be
// longer than the slowest healthy start of an interpreter on a busy machine.
const ControlTimeout = 20 * time.Second

// maxOutput bounds how much of a client's output is compared.
const maxOutput = 16 << 20

// A Control is what one conversation without any fault came to.
type Control struct {
	Conversation scenario.Conversation // what was said, how long it took, and what it cost
	Events       []event.Event         // all that happened, in order
	Recording    *capture.Recording    // of what passed the proxy; nil: nothing was recorded
	Requests     []byte                // what the client sent, where it is a program on a stream
	PastProxy    int                   // connections of the client to the server that are not the proxy's
}

// HoldControl holds the target's conversation through a proxy that does nothing; Start must
// have returned. It blocks until the conversation is over, for 20 s at most, and less where a
// peer is proven to wait forever. The error wraps [ErrControl] where a peer does not do its
// part. Events and Recording are valid with an error too.
func (b *Testbed) HoldControl(ctx context.Context) (c Control, err error) {
	before, log := b.serverCPU(), event.NewLog(0)
	if b.transport() == scenario.UDP {
		err = b.controlDatagrams(ctx, log, &c)
	} else {
		err = b.controlStream(ctx, log, &c)
	}
	c.Events = log.AllEvents()
	c.Conversation.CPU += max(0, b.serverCPU()-before)
	return c, err
}

// record returns what keeps all that passes the proxy of the control; nil: nothing is kept.
func (c *Control) record(wanted bool) func(link.Passage) {
	if !wanted {
		return nil
	}
	c.Recording = capture.NewRecording()
	return c.Recording.AddPassage
}

// serverCPU is the processor time of the server's processes so far; 0 where it is not
// known.
func (b *Testbed) serverCPU() time.Duration {
	server, _ := b.ServerProcess()
	if server == nil {
		return 0
	}
	usage, err := probe.MeasureFast(server.ApproxTree())
	if err != nil {
		return 0
	}
	return usage.CPU
}

// controlRun is what one run of a client program tells of the control.
func controlRun(r *scenario.Run) scenario.ControlRun {
	return scenario.ControlRun{Exit: r.Exit.Code, Stdout: r.Stdout, Took: r.Elapsed, CPU: r.Exit.CPU}
}
