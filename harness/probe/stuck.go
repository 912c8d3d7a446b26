package probe

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// The two snapshots of a proof are betweenSnapshots apart; the third one comes
// confirmAfter later, time enough for a soft interrupt that a busy kernel put off.
const (
	betweenSnapshots = 500 * time.Microsecond
	confirmAfter     = 3 * time.Millisecond
	firstPause       = 4 * time.Millisecond // an attempt that fails takes up to 3 ms of processor time
	longestPause     = 80 * time.Millisecond
)

// A NotStuck is the error of [ProveStuck] when the context ended without a
// diagnosis. It wraps the cause of the context.
type NotStuck struct {
	Reason string // what stood against a diagnosis the last time we looked
	Err    error  // why the wait for the proof ended
}

func (e *NotStuck) Error() string { return fmt.Sprintf("not stuck: %s: %v", e.Reason, e.Err) }

func (e *NotStuck) Unwrap() error { return e.Err }

// ProveStuck blocks until the processes are proven to wait forever, which takes some
// 5 ms once they do, or until the context ends. The package comment says what
// the proof sees and what it does not.
//
// pids returns all processes of the peers under test; a peer that is left out
// may be the one that acts next. idle reports whether nothing is under way on
// our side: all that we sent was read or will not be, nothing that they sent
// waits with us, no fault of ours holds data back or is about to act, no timer
// of ours is pending that would end the exchange. It is called often and must
// not block. Nil means always.
//
// Errors: [*NotStuck] when the context ends, [ErrGone] when no process is left,
// sock.ErrUnsupported.
func ProveStuck(ctx context.Context, pids func() []int, idle func() bool) (Diagnosis, error) {
	return StuckCheck{Tree: pids, Idle: idle}.ProveStuck(ctx)
}

// StuckCheck are peers of which more is known than [ProveStuck] is told.
type StuckCheck struct {
	Tree       func() []int // all processes of the peers
	ApproxTree func() []int // the same for less; one that begins or ends may be missing. Nil: Tree
	Idle       func() bool  // nothing is under way on our side; nil: always
	NeverReads bool         // this process never reads what lies unread in its sockets: a writer that waits for that waits forever
}

// ProveStuck is the function of that name.
func (s StuckCheck) ProveStuck(ctx context.Context) (Diagnosis, error) {
	if s.Idle == nil {
		s.Idle = func() bool { return true }
	}
	if s.ApproxTree == nil {
		s.ApproxTree = s.Tree
	}
	return attempt{StuckCheck: s}.repeatProof(ctx)
}

// repeatProof tries until there is a diagnosis, or the context ends.
func (a attempt) repeatProof(ctx context.Context) (Diagnosis, error) {
	start, pause := time.Now(), firstPause
	for {
		d, reason, err := a.tryProof(ctx)
		if err != nil {
			return Diagnosis{}, fmt.Errorf("quiescence: %w", err)
		}
		if reason == "" {
			d.Took = time.Since(start)
			return d, nil
		}
		if !sleep.For(ctx, pause) {
			return Diagnosis{}, &NotStuck{Reason: reason, Err: context.Cause(ctx)}
		}
		pause = min(pause*3/2, longestPause)
	}
}

// An attempt is one proof and the memory that the next one reuses.
type attempt struct {
	StuckCheck
	first, second snapshot
}

const (
	moved       = "the processes moved"
	harnessBusy = "the harness is still working"
	canceled    = "the time was too short for a second look"
)

// tryProof proves once, or says what stands against it.
func (a *attempt) tryProof(ctx context.Context) (d Diagnosis, reason string, err error) {
	if !a.Idle() {
		return d, harnessBusy, nil
	}
	pids := a.ApproxTree()
	if reason, err = a.first.takeSnapshot(pids); reason != "" || err != nil {
		return d, reason, err
	}
	tree, reason, err := a.first.readTree()
	if reason != "" || err != nil {
		return d, reason, err
	}
	if reason, err = a.confirmSnapshot(ctx, pids, betweenSnapshots); reason != "" || err != nil {
		return d, reason, err
	}
	if d, reason, err = tree.examineTree(a.NeverReads); reason != "" || err != nil {
		return d, reason, err
	}
	if reason, err = a.confirmSnapshot(ctx, pids, confirmAfter); reason != "" || err != nil {
		return d, reason, err
	}
	if !slices.Equal(pids, a.Tree()) {
		return d, moved, nil
	}
	if !a.Idle() {
		return d, harnessBusy, nil
	}
	return d, "", nil
}

// confirmSnapshot takes another snapshot, which must not differ from the first.
func (a *attempt) confirmSnapshot(ctx context.Context, pids []int, after time.Duration) (reason string, err error) {
	if !sleep.For(ctx, after) {
		return canceled, nil
	}
	reason, err = a.second.takeSnapshot(pids)
	if reason == "" && !bytes.Equal(a.first.text, a.second.text) {
		reason = moved
	}
	return reason, err
}
