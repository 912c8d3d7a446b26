package runner

import (
	"context"
	"path/filepath"
	"time"
)

// A machine is what the workers of one run share: as many as like may play, or
// one alone. It is two files in the run's folder that they lock; the zero
// machine is nobody's but ours.
type machine struct{ folder string }

// askAgain is how often a lock that others have is asked for: one that blocked
// would not hear of the context.
const askAgain = 5 * time.Millisecond

// share blocks while another worker has claimed the machine, or until the
// context ends. release must be called.
func (m machine) share(ctx context.Context) (release func()) {
	door := m.lock(ctx, "door", true)
	defer door()
	return m.lock(ctx, "room", false)
}

// claim blocks until nobody else plays, or until the context ends. Who waits for
// it holds the door, so that no more come in.
func (m machine) claim(ctx context.Context) (release func()) {
	door := m.lock(ctx, "door", true)
	room := m.lock(ctx, "room", true)
	return func() { room(); door() }
}

func (m machine) lock(ctx context.Context, name string, alone bool) (release func()) {
	none := func() {}
	if m.folder == "" {
		return none
	}
	l, err := openLock(filepath.Join(m.folder, name+".lock"))
	if err != nil {
		return none
	}
	for !l.try(alone) {
		if !sleep(ctx, askAgain) {
			l.close()
			return none
		}
	}
	return l.close
}
