package link

import "time"

// A stepState is what the steps of a link carry by, and what they hold.
type stepState struct {
	edit   uint64 // of the chain
	stages []Stage
	delays delays // of those; nil: none
	queue  []segment
	held   int   // bytes in it
	ended  ended // the source's stream has, behind what is held

	unacked  int       // bytes when it last was another number, of a reset that waits
	progress time.Time // that moment
}

// CanStep reports whether a [Link.StepOnce] can carry the stream: nothing is asked of the
// link but to pass it on as it is, at once or later. It must not be called together
// with Run or a step.
func (l *Link) CanStep() bool {
	if l.noSplice || l.broken.Load() {
		return false
	}
	if l.edits.Load() == l.steps.edit {
		return true
	}
	if len(l.steps.queue) > 0 {
		return false
	}
	stages, edit := l.wantedChain()
	d, ok := l.delaysOf(stages)
	if len(stages) > 0 && !ok {
		return false
	}
	l.steps = stepState{edit: edit, stages: stages, delays: d}
	l.setActive(stages)
	return true
}
