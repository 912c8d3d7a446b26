package engine

import (
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics/spec"
)

// A frameWatch counts the messages of a stream up to one place in one of them.
type frameWatch struct {
	cutter *dialogue.Cutter
	whole  int    // messages that have ended
	inside int64  // Bytes of the message under way
	frame  int    // that the place is in
	offset int64  // of the place in it
	over   bool   // the place was passed, or will never come
	missed string // why it was not met
}

func newFrameWatch(t spec.Trigger) *frameWatch {
	f, _ := dialogue.ParseFraming(t.Framing) // it was checked
	return &frameWatch{cutter: dialogue.NewCutter(f), frame: t.Frame, offset: t.FrameOffset}
}

// FindIn returns how many of the next bytes pass before the place, and whether it is
// among them.
func (w *frameWatch) findIn(data []byte) (int, bool) {
	for at := 0; at < len(data) && !w.over; {
		here := w.whole == w.frame-1
		if here && w.offset == 0 {
			return at, true
		}
		n, whole, err := w.cutter.Cut(data[at:])
		if err != nil {
			w.over, w.missed = true, fmt.Sprintf("frame %d cannot be found: %v", w.whole+1, err)
			break
		}
		if here && w.inside+int64(n) >= w.offset {
			return at + int(w.offset-w.inside), true
		}
		at += n
		w.inside += int64(n)
		if !whole {
			continue
		}
		if here {
			w.over, w.missed = true, fmt.Sprintf("frame %d has %s, fewer than %d", w.frame, plural.Count(w.inside, "byte"), w.offset)
		}
		w.whole, w.inside = w.whole+1, 0
	}
	return len(data), false
}
