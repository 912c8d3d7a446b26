// Package sleep waits for a time that a context can cut short.
//
//	for sleep.For(ctx, time.Millisecond) { // until ctx ends
//		look()
//	}
package sleep

import (
	"context"
	"time"
)

// Closely is [For], of less than a millisecond as close to it as [Briefly] comes.
func Closely(ctx context.Context, d time.Duration) bool {
	if d >= time.Millisecond {
		return For(ctx, d)
	}
	Briefly(d)
	return ctx.Err() == nil
}

// For blocks for d, and reports whether the context has lasted.
func For(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
