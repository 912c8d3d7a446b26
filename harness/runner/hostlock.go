package runner

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// A hostLock is shared by the workers of one run: any number of them may play, or one alone. It is
// two files in the run's folder that they lock; without a folder there is no other worker. It keeps
// files open that it has locked before.
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

// takeFile returns an open file of that name that is not in use.
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

// How often to try a lock that another worker has: less and less often. A blocking lock would not
// end with the context.
const (
	firstLockPoll   = 2 * time.Millisecond
	longestLockPoll = 20 * time.Millisecond
)

// RLock blocks while another worker has claimed the machine, or until the
// context ends. release must be called.
func (m *hostLock) RLock(ctx context.Context) (release func()) {
	turnstile := m.acquireFile(ctx, "turnstile", false) // shared; while another worker has it alone, this one waits and tries again
	defer turnstile()
	return m.acquireFile(ctx, "room", false)
}

// Lock blocks until no other worker plays, or until the context ends. It holds the turnstile while it
// waits, so that no other worker begins.
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
