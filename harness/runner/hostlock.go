package runner

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// A hostLock is what the workers of one run share: as many as like may play, or
// one alone. It is two files in the run's folder that they lock; without a
// folder the machine is nobody's but ours. It keeps files open that it has locked before.
type hostLock struct {
	folder string

	mu     sync.Mutex            // guards what follows
	free   map[string][]fileLock // open and not locked, by name
	closed bool
}

func newHostLock(folder string) *hostLock {
	return &hostLock{folder: folder, free: map[string][]fileLock{}}
}

// closeFiles closes the files, those that are locked when they are released.
func (m *hostLock) closeFiles() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, all := range m.free {
		for _, l := range all {
			l.closeFile()
		}
	}
	m.free = nil
}

// takeFile returns a file of that name which nobody else has.
func (m *hostLock) takeFile(name string) (fileLock, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if all := m.free[name]; len(all) > 0 {
		m.free[name] = all[:len(all)-1]
		return all[len(all)-1], nil
	}
	return openLock(filepath.Join(m.folder, name+".lock"))
}

// releaseFile unlocks a file and keeps it.
func (m *hostLock) releaseFile(name string, l fileLock) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || !l.unlockFile() {
		l.closeFile()
		return
	}
	m.free[name] = append(m.free[name], l)
}

// How often a lock that others have is asked for, as time goes by less often: one that
// blocked would not hear of the context.
const (
	firstLockPoll   = 2 * time.Millisecond
	longestLockPoll = 20 * time.Millisecond
)

// RLock blocks while another worker has claimed the machine, or until the
// context ends. release must be called.
func (m *hostLock) RLock(ctx context.Context) (release func()) {
	turnstile := m.acquireFile(ctx, "turnstile", false) // by several at once: one that finds it taken waits and asks again
	defer turnstile()
	return m.acquireFile(ctx, "room", false)
}

// Lock blocks until nobody else plays, or until the context ends. Who waits for
// it holds the turnstile, so that no more come in.
func (m *hostLock) Lock(ctx context.Context) (release func()) {
	turnstile := m.acquireFile(ctx, "turnstile", true)
	room := m.acquireFile(ctx, "room", true)
	return func() { room(); turnstile() }
}

func (m *hostLock) acquireFile(ctx context.Context, name string, alone bool) (release func()) {
	none := func() {}
	if m.folder == "" {
		return none
	}
	l, err := m.takeFile(name)
	if err != nil {
		return none
	}
	for pause := firstLockPoll; !l.tryLock(alone); pause = min(2*pause, longestLockPoll) {
		if !sleep.For(ctx, pause) {
			m.releaseFile(name, l)
			return none
		}
	}
	return func() { m.releaseFile(name, l) }
}
