package coordinator

import "sync"

// tailLimit is how much of a worker's stderr is kept.
const tailLimit = 64 << 10

// A tail is a writer that keeps the last tailLimit bytes.
type tail struct {
	mu    sync.Mutex
	bytes lastBytes
}

// Write keeps the end of p. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes.add(p, tailLimit)
	return len(p), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.bytes.end(tailLimit))
}

// lastBytes are the last bytes of a stream. The buffer grows to twice the limit, so that bytes
// are moved once per limit and not once per write.
type lastBytes []byte

// add appends p, and drops what is too old.
func (b *lastBytes) add(p []byte, limit int) {
	p = p[max(0, len(p)-limit):]
	if len(*b)+len(p) > 2*limit {
		kept := copy(*b, b.end(limit))
		*b = (*b)[:kept]
	}
	*b = append(*b, p...)
}

// end returns the last bytes, limit at most.
func (b lastBytes) end(limit int) []byte { return b[max(0, len(b)-limit):] }
