package runner

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// A targetRun is one target on its testbed, with what its controls and earlier scenarios have shown.
type targetRun struct {
	*rig.Testbed
	config Config
	target scenario.Target

	confirmedHangs   atomic.Int64 // confirmed scenarios with a peer that hung, or kept a processor busy without a client
	unconfirmedHangs atomic.Int64 // the same, not confirmed
	plantedFound     atomic.Bool  // a zoo has found what is planted, by its check

	controlEvents atomic.Pointer[[]event.Event] // of the first control; nil before it
	unasked       unaskedAnswer

	mu               sync.Mutex         // guards what follows; held while the controls run
	controlRecording *capture.Recording // of the last control; nil: nothing is recorded
	remarks          []outcome.Remark   // that are in no result yet
	pastProxy        string             // of connections past the proxy, what is in no result yet
	requests         []byte             // that the client sent in the first control, where it is a program
	controlDone      bool
	controlFile      string // of the recording that was written; empty: it was not
	startErr         error  // of the start or the control: it is not tried again
}

// newTargetRun returns that of a target on which nothing is started yet. The caller closes it.
func newTargetRun(c Config, s *rig.Shared, t scenario.Target) *targetRun {
	return &targetRun{config: c, target: t, Testbed: rig.NewTestbed(rig.Config{Seed: c.Seed, StartTimeout: c.StartTimeout,
		Tmp: c.Tmp, Self: c.Self, Record: c.Pcap != "", Shared: s}, t)}
}

// isOf reports whether it is the run of a target with the same peer under test.
func (t *targetRun) isOf(target scenario.Target) bool {
	return t.target.Name == target.Name && t.target.Test == target.Test
}

// clone returns another one of the target, on which nothing is started yet. The caller closes
// it.
func (t *targetRun) clone(s *rig.Shared) *targetRun {
	t.mu.Lock()
	defer t.mu.Unlock()
	clone := &targetRun{config: t.config, target: t.target, Testbed: t.Clone(s), controlDone: t.controlDone}
	clone.confirmedHangs.Store(t.confirmedHangs.Load())
	clone.unconfirmedHangs.Store(t.unconfirmedHangs.Load())
	clone.controlEvents.Store(t.controlEvents.Load())
	return clone
}

// ensureReady starts what must be started, and holds the control conversation once.
func (t *targetRun) ensureReady(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.startErr != nil {
		return t.startErr
	}
	err := t.startAndControl(ctx)
	if err != nil && ctx.Err() == nil {
		t.startErr = err
	}
	return err
}

func (t *targetRun) startAndControl(ctx context.Context) error {
	if err := t.Start(ctx); err != nil {
		return err
	}
	if t.controlDone || t.target.Lone() {
		return nil
	}
	conversation, err := t.shareControls(ctx)
	if err != nil {
		return err
	}
	t.SetConversation(conversation)
	t.controlDone = true
	return nil
}

// closeAll stops what was started. It may be called more than once; it waits for controls.
func (t *targetRun) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Close()
}

// knownToHang reports whether the target is known to hang.
func (t *targetRun) knownToHang() bool { return t.confirmedHangs.Load() >= maxKnownHangs }

// maxKnownHangs is how many scenarios must have hung before a target is known to hang.
const maxKnownHangs = 2

// suspectedToHang reports whether the target is known to hang, or declared to.
func (t *targetRun) suspectedToHang() bool {
	return t.confirmedHangs.Load()+t.unconfirmedHangs.Load() >= maxKnownHangs
}

// addRemarksTo adds to a result the remarks that are in no result yet.
func (t *targetRun) addRemarksTo(results []outcome.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(results) > 0 && len(t.remarks) > 0 {
		results[0].Remarks = append(results[0].Remarks, t.remarks...)
		t.remarks = nil
	}
	if len(results) > 0 && t.pastProxy != "" {
		results[0].Notes = append(results[0].Notes, t.pastProxy)
		t.pastProxy = ""
	}
}
