package probe

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

// The two snapshots of a proof are betweenSnapshots apart; the third one comes
// confirmAfter later, time enough for a soft interrupt that a busy kernel put off.
const (
	betweenSnapshots = 500 * time.Microsecond
	confirmAfter     = 3 * time.Millisecond
	firstPause       = 4 * time.Millisecond // an attempt that fails takes up to 3 ms of processor time
	longestPause     = 80 * time.Millisecond
)

// A NotStuck is the error of [Stuck] when the context ended without a
// diagnosis. It wraps the cause of the context.
type NotStuck struct {
	Because string // what stood against a diagnosis the last time we looked
	Err     error
}

func (e *NotStuck) Error() string { return fmt.Sprintf("not stuck: %s: %v", e.Because, e.Err) }

func (e *NotStuck) Unwrap() error { return e.Err }

// Stuck blocks until the processes are proven to wait for ever, which takes some
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
func Stuck(ctx context.Context, pids func() []int, idle func() bool) (Diagnosis, error) {
	return Suspects{Tree: pids, Idle: idle}.Stuck(ctx)
}

// Suspects are peers of which more is known than [Stuck] is told.
type Suspects struct {
	Tree func() []int // all processes of the peers
	Near func() []int // the same for less; one that begins or ends may be missing. Nil: Tree
	Idle func() bool  // nothing is under way on our side; nil: always
	Deaf bool         // this process never reads what lies unread in its sockets: a writer that waits for that waits for ever
}

// Stuck is the function of that name.
func (s Suspects) Stuck(ctx context.Context) (Diagnosis, error) {
	if s.Idle == nil {
		s.Idle = func() bool { return true }
	}
	if s.Near == nil {
		s.Near = s.Tree
	}
	return attempt{Suspects: s}.repeat(ctx)
}

// repeat tries until there is a diagnosis, or the context ends.
func (a attempt) repeat(ctx context.Context) (Diagnosis, error) {
	start, pause := time.Now(), firstPause
	for {
		d, because, err := a.try(ctx)
		if err != nil {
			return Diagnosis{}, fmt.Errorf("quiescence: %w", err)
		}
		if because == "" {
			d.Took = time.Since(start)
			return d, nil
		}
		if !rest(ctx, pause) {
			return Diagnosis{}, &NotStuck{Because: because, Err: context.Cause(ctx)}
		}
		pause = min(pause*3/2, longestPause)
	}
}

// rest returns after d, or false when the context has ended.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// An attempt is one proof and the memory that the next one reuses.
type attempt struct {
	Suspects
	first, second snapshot
}

const (
	moved    = "the processes moved"
	ourTurn  = "something is under way on our side"
	canceled = "there was no time to look twice"
)

// try proves once, or says what stands against it.
func (a *attempt) try(ctx context.Context) (d Diagnosis, because string, err error) {
	if !a.Idle() {
		return d, ourTurn, nil
	}
	pids := a.Near()
	if because, err = a.first.take(pids); because != "" || err != nil {
		return d, because, err
	}
	tree, because, err := a.first.read()
	if because != "" || err != nil {
		return d, because, err
	}
	if because, err = a.again(ctx, pids, betweenSnapshots); because != "" || err != nil {
		return d, because, err
	}
	if d, because, err = tree.examine(a.Deaf); because != "" || err != nil {
		return d, because, err
	}
	if because, err = a.again(ctx, pids, confirmAfter); because != "" || err != nil {
		return d, because, err
	}
	if !slices.Equal(pids, a.Tree()) {
		return d, moved, nil
	}
	if !a.Idle() {
		return d, ourTurn, nil
	}
	return d, "", nil
}

// again takes another snapshot, which must not differ from the first.
func (a *attempt) again(ctx context.Context, pids []int, after time.Duration) (because string, err error) {
	if !rest(ctx, after) {
		return canceled, nil
	}
	because, err = a.second.take(pids)
	if because == "" && !bytes.Equal(a.first.text, a.second.text) {
		because = moved
	}
	return because, err
}
