package runner

import (
	"context"
	"path/filepath"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// A hostLock is what the workers of one run share: as many as like may play, or
// one alone. It is two files in the run's folder that they lock; the zero
// machine is nobody's but ours.
type hostLock struct{ folder string }

// How often a lock that others have is asked for, as time goes by less often: one that
// blocked would not hear of the context.
const (
	firstLockPoll   = 2 * time.Millisecond
	longestLockPoll = 20 * time.Millisecond
)

// RLock blocks while another worker has claimed the machine, or until the
// context ends. release must be called.
func (m hostLock) RLock(ctx context.Context) (release func()) {
	turnstile := m.acquireFile(ctx, "turnstile", false) // by several at once: one that finds it taken waits and asks again
	defer turnstile()
	return m.acquireFile(ctx, "room", false)
}

// Lock blocks until nobody else plays, or until the context ends. Who waits for
// it holds the turnstile, so that no more come in.
func (m hostLock) Lock(ctx context.Context) (release func()) {
	turnstile := m.acquireFile(ctx, "turnstile", true)
	room := m.acquireFile(ctx, "room", true)
	return func() { room(); turnstile() }
}

func (m hostLock) acquireFile(ctx context.Context, name string, alone bool) (release func()) {
	none := func() {}
	if m.folder == "" {
		return none
	}
	l, err := openLock(filepath.Join(m.folder, name+".lock"))
	if err != nil {
		return none
	}
	for pause := firstLockPoll; !l.tryLock(alone); pause = min(2*pause, longestLockPoll) {
		if !sleep.For(ctx, pause) {
			l.unlockFile()
			return none
		}
	}
	return l.unlockFile
}
