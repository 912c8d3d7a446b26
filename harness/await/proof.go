package await

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/probe"
)

// proofTimeout is how long one attempt may take to prove that the peers wait
// forever; it takes some 5 ms where they do. On a busy machine it may take longer by the time for
// which there was no processor, up to maxProofWait.
const (
	proofTimeout = 25 * time.Millisecond
	maxProofWait = time.Second
)

// ErrSpin is the cause of a wait that ended because a peer burns a processor
// and nothing moves.
var ErrSpin = errors.New("spins")

// A StuckError is the cause of a wait that ended because the peers are proven to
// wait forever.
type StuckError struct{ probe.Diagnosis }

// Error implements error.
func (e *StuckError) Error() string { return e.String() }

// A LateError is what became of a wait that ended with its budget.
type LateError struct {
	Budget time.Duration // that is over
	Cause  error         // why the wait ended
}

// Error implements error.
func (e *LateError) Error() string { return fmt.Sprintf("timed out after %s", e.Budget) }

// Unwrap returns why the wait ended.
func (e *LateError) Unwrap() error { return e.Cause }

// ProveStuck returns a *[StuckError] if the peers are proven to wait forever, else nil. It
// blocks for 25 ms at most, and for cpuWait longer, the time for which there was no processor.
func (w Wait) ProveStuck(ctx context.Context, cpuWait time.Duration) error {
	if w.Idle == nil || !w.Idle() {
		return nil
	}
	select {
	case w.ProofSlot <- struct{}{}:
		defer func() { <-w.ProofSlot }()
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, proofTimeout+min(cpuWait, maxProofWait))
	defer cancel()
	d, err := probe.StuckCheck{Tree: WithServices(w.PIDs, w.Services), ApproxTree: WithServices(w.ApproxPIDs, w.Services), Idle: w.Idle, NeverReads: w.NeverReads}.ProveStuck(ctx)
	if err != nil {
		return nil
	}
	return &StuckError{d}
}

// WithServices returns a function that lists those of services, too.
func WithServices(pids, services func() []int) func() []int {
	if pids == nil || services == nil {
		return pids
	}
	return func() []int { return append(slices.Clone(pids()), services()...) }
}

// Explain tells what the cause of a wait's end says of the peers.
func Explain(cause error) (spins bool, stuck string) {
	var s *StuckError
	if errors.As(cause, &s) {
		return false, s.String()
	}
	return errors.Is(cause, ErrSpin), ""
}

// StuckIn names the program and the system call of a proven hang, or nothing.
func StuckIn(cause error) string {
	var s *StuckError
	if errors.As(cause, &s) {
		return s.Place()
	}
	return ""
}
