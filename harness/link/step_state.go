package link

import "time"

// A stepState is what the steps of a link carry by, and what they hold.
type stepState struct {
	edit   uint64 // of the chain
	stages []Stage
	delays delays // of those; nil: none
	queue  []segment
	held   int        // bytes in it
	ended  ended      // the source's stream has, behind what is held
	chain  *stepChain // instead of delays and the queue, if there is any other toxic

	unacked  int       // bytes when it last was another number, of a reset that waits
	progress time.Time // that moment
}

// CanStep reports whether a [Link.StepOnce] can carry the stream: every toxic of the
// chain can. It must not be called together with Run or a step.
func (l *Link) CanStep() bool {
	if l.noSplice || l.broken.Load() {
		return false
	}
	if l.edits.Load() == l.steps.edit {
		return true
	}
	if len(l.steps.queue) > 0 || l.steps.chain != nil {
		return false
	}
	stages, edit := l.wantedChain()
	next := stepState{edit: edit, stages: stages}
	if d, ok := l.delaysOf(stages); ok {
		next.delays = d
	} else if len(stages) > 0 && !l.eofSent {
		if next.chain = l.newStepChain(stages); next.chain == nil {
			return false
		}
	}
	l.steps = next
	l.setActive(stages)
	return true
}
