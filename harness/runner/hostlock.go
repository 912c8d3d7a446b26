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

// lockPoll is how often a lock that others have is asked for: one that blocked
// would not hear of the context.
const lockPoll = 5 * time.Millisecond

// RLock blocks while another worker has claimed the machine, or until the
// context ends. release must be called.
func (m hostLock) RLock(ctx context.Context) (release func()) {
	turnstile := m.acquireFile(ctx, "turnstile", false) // by several at once: one that finds it taken waits for lockPoll
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
	for !l.tryLock(alone) {
		if !sleep.For(ctx, lockPoll) {
			l.unlockFile()
			return none
		}
	}
	return l.unlockFile
}
