package link

// rebuildChain changes the chain to the one that is asked for. It waits for the
// toxics that are to change or to go, for nobody else, and returns false when
// the connection ended meanwhile.
//
// Nothing is lost, duplicated or reordered: what waited before a toxic that goes
// is put behind what already has passed it.
func (f *streamFlow) rebuildChain(asked []Stage, edit uint64) bool {
	kept := matchStages(f.stages, asked)
	if !f.haltToxics(asked, kept) || !f.stopJoints() {
		return false
	}
	before, last := f.collectInFlight(kept)
	f.assembleChain(asked, kept, before, last)
	f.edit = edit
	f.fence = nil
	return true
}

// buildChain makes the first chain. The tail goes to the writer, the pending
// bytes through the chain.
func (f *streamFlow) buildChain(tail, pending []item) {
	asked, edit := f.link.wantedChain()
	f.joints = []*pump{{queue: pending}}
	f.assembleChain(asked, nil, nil, tail)
	f.edit = edit
}

// matchStages finds for each stage that is asked for the one at work that it is, by
// its index in asked. Stages that have changed places are not the same.
func matchStages(at []*stage, asked []Stage) map[int]*stage {
	kept := map[int]*stage{}
	next := 0
	for i, a := range asked {
		for k := next; k < len(at); k++ {
			if at[k].isSameStage(a) {
				kept[i], next = at[k], k+1
				break
			}
		}
	}
	return kept
}

// haltToxics interrupts the toxics that change or go, in order.
func (f *streamFlow) haltToxics(asked []Stage, kept map[int]*stage) bool {
	place := map[*stage]int{}
	for i, s := range kept {
		place[s] = i
	}
	for i, s := range f.stages {
		at, stays := place[s]
		if stays && !s.attributesChanged(asked[at]) {
			continue
		}
		f.joints[i+1].setUnbounded()
		var feeder *pump
		if i == 0 {
			feeder = f.joints[0]
		}
		if !s.interruptToxic(f.ctx, f.writer.over, feeder) {
			return false
		}
		if !stays {
			s.cleanUp(f.ctx)
		}
	}
	return true
}

// stopJoints stops the joints, which keep their queues. The first one is the
// reader's own.
func (f *streamFlow) stopJoints() bool {
	for _, j := range f.joints[1:] {
		close(j.stop)
	}
	for _, j := range f.joints[1:] {
		select {
		case <-j.done:
		case <-f.ctx.Done():
			return false
		}
	}
	return true
}

// collectInFlight collects what is on its way: what waits before each stage that stays,
// and before the writer. The queue of the reader stays where it is, since the
// chain that is asked for is meant for it.
func (f *streamFlow) collectInFlight(kept map[int]*stage) (before map[*stage][]item, last []item) {
	stays := map[*stage]bool{}
	for _, s := range kept {
		stays[s] = true
	}
	before = map[*stage][]item{}
	var target *stage // nil: the writer
	n := len(f.stages)
	if n == 0 {
		return before, nil
	}
	waiting := f.joints[n].queue
	store := func() {
		if target == nil {
			last = waiting
			return
		}
		before[target] = waiting
	}
	for i := n - 1; i >= 0; i-- {
		s := f.stages[i]
		var queue []item
		if i > 0 {
			queue = f.joints[i].queue
		}
		switch {
		case stays[s]:
			store()
			target, waiting = s, queue
		case s.isOver():
			if !s.outlet.ended {
				waiting = append(waiting, item{end: true, verdict: s.outbound})
			}
		default:
			waiting = append(append(waiting, s.takeUnprocessed()...), queue...)
		}
	}
	store()
	return before, last
}

// assembleChain starts the chain that is asked for. Stages that are new begin with
// what comes from the stage before them.
func (f *streamFlow) assembleChain(asked []Stage, kept map[int]*stage, before map[*stage][]item, last []item) {
	var fresh []item
	for _, i := range f.joints[0].queue {
		if i.fence == nil {
			fresh = append(fresh, i)
		}
	}
	queues := make([][]item, len(asked)+1)
	stages := make([]*stage, len(asked))
	queues[len(asked)] = last
	offset := f.writer.taken + queueBytes(last)
	for i := len(asked) - 1; i >= 0; i-- {
		s := kept[i]
		if s == nil {
			s = newStage(f.link, asked[i])
			s.toxicCtx.startOffset = offset
		} else {
			queues[i] = before[s]
			offset += s.entered - s.emitted.Load()
		}
		stages[i] = s
		offset += queueBytes(queues[i])
	}
	queues[0] = append(queues[0], fresh...)
	f.stages = stages
	f.launchStages(asked, queues)
	f.link.setActive(asked)
}

// launchStages starts the stages that are not at work, and the joints.
func (f *streamFlow) launchStages(asked []Stage, queues [][]item) {
	n := len(f.stages)
	for i, s := range f.stages {
		if s.done == nil {
			s.startToxic(f.ctx)
			continue
		}
		if s.attributesChanged(asked[i]) {
			s.updateToxic(asked[i])
			if !s.isOver() {
				s.startToxic(f.ctx)
			}
		}
	}
	f.joints = make([]*pump, n+1)
	for i := range f.joints {
		var prev, next *stage
		if i > 0 {
			prev = f.stages[i-1]
		}
		if i < n {
			next = f.stages[i]
		}
		j := newPump(prev, next, f.writer, queues[i])
		f.joints[i] = j
		if i > 0 {
			go j.runPump(f.ctx)
		}
	}
}

func (l *Link) setActive(stages []Stage) {
	var names []string
	for _, s := range stages {
		names = append(names, s.Name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = names
}
