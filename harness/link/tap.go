package link

import "sync"

// A Tap records the first bytes that a link sends, each before the destination
// can have it. Create it with [NewTap].
type Tap struct {
	limit int

	mu      sync.Mutex // guards what follows
	bytes   []byte
	dropped int64
}

// NewTap returns a tap that keeps at most limit bytes and counts the others.
func NewTap(limit int) *Tap { return &Tap{limit: limit} }

// RecordedBytes returns a copy of what was recorded so far, and how many bytes did not
// fit.
func (t *Tap) RecordedBytes() (recorded []byte, dropped int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.bytes...), t.dropped
}

func (t *Tap) recordBytes(p []byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(p), t.limit-len(t.bytes))
	t.bytes = append(t.bytes, p[:n]...)
	t.dropped += int64(len(p) - n)
}

// takeBack forgets the last n bytes that were recorded: the destination did not take them.
func (t *Tap) takeBack(n int) {
	if t == nil || n <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	uncounted := min(int64(n), t.dropped)
	t.dropped -= uncounted
	t.bytes = t.bytes[:len(t.bytes)-(n-int(uncounted))]
}
