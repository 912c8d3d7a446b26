package rig

import (
	"bytes"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// spinTimeControl is for how long a thread must have had a processor in a control to count
// as one that never will sleep: nothing is known yet of what the program has to compute.
const spinTimeControl = 8 * time.Second

// controlWait is the wait for a control conversation: for the server's processes,
// and the client's where that is a process. It ends when they are proven to hang.
func (b *Testbed) controlWait(log *event.Log, client *peer.Process) await.Wait {
	server, _ := b.ServerProcess()
	ids := func(of func(*peer.Process) []int) func() []int {
		return func() []int {
			var all []int
			for _, p := range []*peer.Process{client, server} {
				if p != nil {
					all = append(all, of(p)...)
				}
			}
			return all
		}
	}
	w := await.Wait{Budget: ControlTimeout, PIDs: ids((*peer.Process).ProcessTree), ApproxPIDs: ids((*peer.Process).ApproxTree), Services: b.programs.ServiceTree,
		Moved: log.EventCount, SpinAfter: spinTimeControl, ProofSlot: make(chan struct{}, 1)}
	if client != nil {
		w.Budget /= 2
	}
	if i := newIdleDetector(log, scenario.Variant{}, b.target); i != nil {
		w.Idle = i.isQuiet
	}
	return w
}

// controlFailure says why a client dialogue did not get through without any fault:
// what was expected where and what came, and what the server was about. Nil: it did.
func controlFailure(s *dialogue.Script, p dialogue.Played, cause error) error {
	switch {
	case p.Mismatch != nil:
		return fmt.Errorf("%w: %w", ErrControl, p.Mismatch)
	case p.Steps < len(s.Steps):
		return fmt.Errorf("%w: got %d of %s; %s%s", ErrControl, p.Steps, plural.Count(len(s.Steps), "answer"), describeShortfall(p), waitedFor(cause))
	case s.End == dialogue.ServerCloses && p.Ending == event.Timeout:
		return fmt.Errorf("%w: %s says \"end: %s\", but the server keeps the connection open after the last exchange%s; write end: client closes if that is intended",
			ErrControl, s.File, s.End, waitedFor(cause))
	}
	return nil
}

// describeShortfall tells what was awaited, and what had come of it.
func describeShortfall(p dialogue.Played) string {
	if p.Missing == nil {
		return p.Incomplete
	}
	return p.Incomplete + "\n" + p.Missing.Shortfall()
}

// waitedFor tells what the peers were about when a wait had ended, where that is
// known.
func waitedFor(cause error) string {
	switch spins, stuck := await.Explain(cause); {
	case spins:
		return "\nit spins: it uses a full CPU while no data moves"
	case stuck != "":
		return "\n" + stuck
	}
	return ""
}

// clientFailure says why a client under test did not get through without any fault:
// how it ended, what it wrote to its standard error, and what the dialogue wanted of
// it and got. server is nil where that is no dialogue.
func clientFailure(run *scenario.Run, server *dialogueServer) error {
	text := fmt.Sprintf("the client %s", run.Exit)
	if run.TimedOut {
		text = fmt.Sprintf("the client was still running after %s", run.Elapsed.Round(time.Millisecond))
	}
	if said := bytes.TrimSpace(run.Stderr); len(said) > 0 {
		text += ": " + string(said)
	}
	switch {
	case run.Spins:
		text += "\nit spins: it uses a full CPU while no data moves"
	case run.Stuck != "":
		text += "\n" + run.Stuck
	}
	if server != nil {
		text += "\n" + server.complaint()
	}
	return fmt.Errorf("%w: %s", ErrControl, text)
}

// checkRequests returns an error if the first connection of a client that reported
// success carried a request that the dialogue does not know: no reply followed, so no
// fault could strike one. Bytes behind the last exchange are the client's own affair. It
// closes the server; a nil one has nothing to say.
func (d *dialogueServer) checkRequests() error {
	if d == nil {
		return nil
	}
	d.closeAll()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first == nil || d.first.Mismatch == nil || d.first.Mismatch.Step >= len(d.script.Steps) {
		return nil
	}
	return fmt.Errorf("%w: the client exited with status 0, but the dialogue is not what it sends, so harness did not reply; correct the dialogue: %w", ErrControl, d.first.Mismatch)
}

// complaint tells what the dialogue wanted of the client on its first connection,
// and got. It closes the server.
func (d *dialogueServer) complaint() string {
	d.closeAll()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.first == nil:
		return "it made no connection"
	case d.first.Mismatch != nil:
		return "its bytes differ from the dialogue: " + d.first.Mismatch.Error()
	case d.first.Missing != nil:
		return "its bytes are fewer than the dialogue expects: " + describeShortfall(*d.first)
	case d.first.Incomplete != "":
		return "the dialogue: " + d.first.Incomplete
	}
	return "it completed the dialogue"
}

// addressWords names the words by which a command is told where to connect.
func addressWords(t scenario.Transport) string {
	if t == scenario.Unix {
		return "{path}"
	}
	return "{host}, {port} or {addr}"
}
