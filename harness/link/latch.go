package link

import "sync"

// A latch is set once. It has a channel only while somebody waits for that: of a
// connection that is short nobody does. The zero latch is not set.
type latch struct {
	mu   sync.Mutex // guards what follows
	set  bool
	told chan struct{} // nil: nobody has asked
}

// done returns a channel that is closed once the latch is set.
func (l *latch) done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == nil {
		l.told = make(chan struct{})
		if l.set {
			close(l.told)
		}
	}
	return l.told
}

// isSet reports whether it is.
func (l *latch) isSet() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set
}

// setOnce sets it, the first time.
func (l *latch) setOnce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set {
		return
	}
	l.set = true
	if l.told != nil {
		close(l.told)
	}
}
