package framing

import (
	"fmt"
	"slices"
	"time"
)

const (
	// paceChunk is how many bytes are sent before the server has read those before.
	paceChunk = 256 << 10
	// paceTime is how long a line without an end is sent to a server that is slowing;
	// maxPaceTime is the same for one that is merely slow.
	paceTime, maxPaceTime = 4 * time.Second, 20 * time.Second
	// paceSample is how many chunks at the beginning, and at the end, are compared.
	paceSample = 3
	// slowdown is how many times as long as at the beginning a chunk takes at the end of a
	// line that is searched from its beginning at each read. One that is not takes the same.
	slowdown = 3
)

// A readPace is how fast a server reads a long line, chunk by chunk.
type readPace struct {
	chunk  int // bytes
	start  time.Time
	before time.Time
	took   []time.Duration // of each chunk
}

func newPace(chunk int) *readPace {
	now := time.Now()
	return &readPace{chunk: chunk, start: now, before: now}
}

// chunkRead notes that the server has read one chunk more.
func (p *readPace) chunkRead() {
	now := time.Now()
	p.took = append(p.took, now.Sub(p.before))
	p.before = now
}

// read returns how many bytes the server has read.
func (p *readPace) read() int { return p.chunk * len(p.took) }

// over reports whether the line has been sent for long enough.
func (p *readPace) over() bool {
	elapsed := p.before.Sub(p.start)
	return elapsed > maxPaceTime || elapsed > paceTime && p.slowed()
}

// slowed reports whether the last chunks took so much longer than the first: the fastest
// of each, because a chunk during which the server has no processor is slow for
// another reason.
func (p *readPace) slowed() bool {
	if len(p.took) < 2*paceSample {
		return false
	}
	first, last := p.took[:paceSample], p.took[len(p.took)-paceSample:]
	return slices.Min(last) >= slowdown*slices.Min(first)
}

// last is the speed at the end.
func (p *readPace) last() string { return p.speed(p.took[max(0, len(p.took)-paceSample):]) }

// speed tells the median speed of some chunks.
func (p *readPace) speed(took []time.Duration) string {
	if len(took) == 0 {
		return "an unknown speed"
	}
	perSecond := float64(p.chunk) / max(middle(took).Seconds(), 1e-6)
	return fmt.Sprintf("%.0f KB/s", perSecond/1000)
}

// slowing returns an error for a server that reads the more slowly the longer the line
// is, so that its time was over before the whole was read.
func (p *readPace) slowing() error {
	if !p.over() || !p.slowed() {
		return nil
	}
	first, last := p.took[:paceSample], p.took[len(p.took)-paceSample:]
	return fmt.Errorf("the server reads a line without an end at %s after %d MiB, and at %s at first: it is slowing, as a buffer does that is "+
		"copied or searched from its beginning at each read (quadratic); one client keeps a processor busy", p.speed(last), p.read()>>20, p.speed(first))
}

func middle(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
