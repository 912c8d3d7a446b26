package coordinator

import "sync"

// tailLimit is how much of a worker's stderr is kept.
const tailLimit = 64 << 10

// A tail is a writer that keeps the last tailLimit bytes.
type tail struct {
	mu    sync.Mutex
	bytes []byte
}

// Write keeps the end of p. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	p = p[max(0, n-tailLimit):]
	// Twice the limit is allowed to gather, so that bytes move once per limit
	// and not once per write.
	if len(t.bytes)+len(p) > 2*tailLimit {
		kept := copy(t.bytes, t.bytes[max(0, len(t.bytes)-tailLimit):])
		t.bytes = t.bytes[:kept]
	}
	t.bytes = append(t.bytes, p...)
	return n, nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.bytes[max(0, len(t.bytes)-tailLimit):])
}
