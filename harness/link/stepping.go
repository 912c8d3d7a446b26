package link

// A stepping is what the steps of a link carry by, and what they hold.
type stepping struct {
	edit   uint64 // of the chain
	stages []Stage
	delays delays // of those; nil: none
	queue  []segment
	held   int   // bytes in it
	ended  ended // the source's stream has, behind what is held
}

// Steps reports whether a [Link.Step] can carry the stream: nothing is asked of the
// link but to pass it on as it is, at once or later. It must not be called together
// with Run or a step.
func (l *Link) Steps() bool {
	if !l.spliceable() {
		return false
	}
	if l.edits.Load() == l.steps.edit {
		return true
	}
	if len(l.steps.queue) > 0 {
		return false
	}
	stages, edit := l.look()
	d, ok := l.delaysOf(stages)
	if len(stages) > 0 && !ok {
		return false
	}
	l.steps = stepping{edit: edit, stages: stages, delays: d}
	l.setActive(stages)
	return true
}
