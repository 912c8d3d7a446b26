package link

import (
	"slices"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// Park asks [Link.RunStream] to return Parked, so that steps can go on with the stream. When
// that cannot be, refuse is called, and the stream goes on as before. It does not block.
func (l *Link) Park(refuse func()) {
	l.parking.Store(&refuse)
	l.wakeReader()
}

// takeParking returns what refuses to park, if somebody has asked for that.
func (l *Link) takeParking() (refuse *func()) {
	if l.parking.Load() == nil {
		return nil
	}
	return l.parking.Swap(nil)
}

// MayStep reports whether steps could carry the stream through the chain that is wanted.
func (l *Link) MayStep() bool {
	if l.noSplice || l.broken.Load() || l.inWrite.Load() || l.finished.isSet() || l.wasEnded() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return !slices.ContainsFunc(l.desired, func(s Stage) bool { return !hook.CanStep(s.Toxic) })
}

// NumReads returns how many reads have brought what was received.
func (l *Link) NumReads() int64 { return l.reads.Load() }

func (l *Link) wasEnded() bool { return l.src.PeerEnding() != event.Open }

// parkFlow makes a chain for steps of the toxics at work. It returns false when that cannot
// be, and has them go on.
func (f *streamFlow) parkFlow(asked []Stage) bool {
	if !f.canPark() {
		return false
	}
	for i, s := range f.stages {
		f.joints[i+1].setUnbounded()
		if !s.interruptToxic(f.ctx, f.writer.over, nil) {
			return false // the connection is over
		}
	}
	if !f.stopJoints() {
		return false
	}
	queues := make([][]item, len(f.joints))
	for i, j := range f.joints {
		if i < len(f.stages) && !f.stages[i].sealed {
			queues[i] = f.stages[i].takeUnprocessed()
		}
		queues[i] = append(queues[i], j.queue...)
	}
	clean := !f.writer.sealed && !slices.ContainsFunc(f.stages, func(s *stage) bool {
		_, ok := s.toxic.(Stepper)
		return !ok || s.isOver() || s.sealed
	})
	for _, s := range f.stages {
		if !s.isOver() {
			s.done = nil
		}
	}
	if !clean || !f.isWriterIdle() {
		f.launchStages(asked, queues)
		return false
	}
	f.link.steps = stepState{edit: f.edit, stages: asked, chain: &stepChain{stages: f.stages, queues: queues, wide: isWide(asked)}}
	f.stages, f.joints = nil, f.joints[:1]
	return true
}

// canPark reports whether nothing but toxics that can step is at work, on a stream that
// goes on.
func (f *streamFlow) canPark() bool {
	l := f.link
	return len(f.stages) > 0 && f.ended == notEnded && f.fence == nil && l.MayStep() && len(f.joints[0].queue) == 0 &&
		!slices.ContainsFunc(f.stages, (*stage).isOver)
}

// isWriterIdle reports whether the writer has nothing left to write. Nobody may send to it.
func (f *streamFlow) isWriterIdle() bool {
	fence := make(chan struct{})
	select {
	case f.writer.in <- item{fence: fence}:
		<-fence
		return true
	default:
		return false
	}
}
