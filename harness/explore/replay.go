package explore

import (
	"context"
	"fmt"
)

// A ReplayResult is what became of a finding that was played again.
type ReplayResult struct {
	Seen   int    // of three times
	Detail string // of the last time that it was seen, or of what was seen instead
}

// Replay plays the witness of a finding three times. Errors are those of [Run].
func Replay(ctx context.Context, o Options, f Finding) (ReplayResult, error) {
	e, err := newSearch(ctx, o)
	if err != nil {
		return ReplayResult{}, err
	}
	defer e.subject.close()
	if !e.fits(f.Witness) {
		return ReplayResult{}, fmt.Errorf("%w: the conversation has changed: it has no %s", ErrUnusable, f.Witness)
	}
	want := verdict{code: f.Code, symptom: f.Symptom}
	var again ReplayResult
	for range confirmations {
		v := e.subject.confirm(ctx, f.Witness, want.damage())
		if ctx.Err() != nil {
			return again, ctx.Err()
		}
		if v.bad() && v.declare == "" {
			again.Seen++
			again.Detail = v.rule + ": " + v.detail
		}
	}
	return again, nil
}
