package framing

import (
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

const (
	// paceChunk is how many bytes are sent before the server has read those before.
	paceChunk = 256 << 10
	// paceTime is how long a line without an end is sent to a server that is slowing;
	// maxPaceTime is the same for one that is merely slow.
	paceTime, maxPaceTime = 4 * time.Second, 20 * time.Second
	// paceSample is how many chunks at the beginning, and at the end, are compared.
	paceSample = 3
	// slowdown is how many times as much processor time as at the beginning a chunk costs at
	// the end of a line that is searched from its beginning at each read. One that is not
	// costs the same.
	slowdown = 3
	// slowChunk is the processor time below which a chunk is cheap, whatever the first ones cost:
	// caches and page faults make less of a difference than that.
	slowChunk = 5 * time.Millisecond
)

// A readPace is how much processor time a server needs to read a long line, chunk by
// chunk. The time on the clock would tell how busy the machine is.
type readPace struct {
	chunk int           // bytes
	spent time.Duration // processor time of the server so far
	took  []time.Duration
	past  time.Duration // time on the clock so far
}

// chunkRead notes that the server has read one chunk more, and what the clock and its
// processor time say.
func (p *readPace) chunkRead(past, spent time.Duration) {
	p.took = append(p.took, spent-p.spent)
	p.past, p.spent = past, spent
}

// read returns how many bytes the server has read.
func (p *readPace) read() int { return p.chunk * len(p.took) }

// over reports whether the line has been sent for long enough.
func (p *readPace) over() bool {
	return p.past > maxPaceTime || p.past > paceTime && p.slowed()
}

// slowed reports whether the last chunks cost so much more than the first: the cheapest
// of each, because a runtime that collects garbage meanwhile spends for another reason.
func (p *readPace) slowed() bool {
	if len(p.took) < 2*paceSample {
		return false
	}
	first, last := slices.Min(p.took[:paceSample]), slices.Min(p.took[len(p.took)-paceSample:])
	return last >= slowdown*first && last >= slowChunk
}

// speed tells how fast the line was read on the clock.
func (p *readPace) speed() string {
	return fmt.Sprintf("%.0f KB/s", float64(p.read())/max(p.past.Seconds(), 1e-6)/1000)
}

// slowing returns an error for a server that reads the more slowly the longer the line
// is, so that its time was over before the whole was read.
func (p *readPace) slowing() error {
	if !p.over() || !p.slowed() {
		return nil
	}
	first, last := p.took[:paceSample], p.took[len(p.took)-paceSample:]
	return fmt.Errorf("the server reads a line without an end more and more slowly: %d KiB cost it %s of CPU after %d MiB, and %s at first, as with a buffer that is "+
		"copied or searched from its beginning at each read (quadratic); one client keeps a processor busy",
		p.chunk>>10, told(last), p.read()>>20, told(first))
}

// tooLittle returns an error that wraps [scenario.ErrUnsupported] where no more was read, for want
// of time, than a server may keep: that it keeps no more says nothing.
func (p *readPace) tooLittle(most int) error {
	if !p.over() || p.read() > most {
		return nil
	}
	return fmt.Errorf("%w: the server read %d MiB of a line in %s, too little to tell whether it keeps more than %d MiB", scenario.ErrUnsupported,
		p.read()>>20, p.past.Round(time.Second), most>>20)
}

// told is the middle one of some times, for people.
func told(all []time.Duration) time.Duration { return middle(all).Round(100 * time.Microsecond) }

func middle(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
