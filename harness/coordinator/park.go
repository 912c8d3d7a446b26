package coordinator

import "slices"

// mustPark reports whether s has to wait until processors are idle before it takes a part of
// another worker's group.
func (r *run) mustPark(s *session) bool {
	needed := r.config.ShareIdle && s.joined && !r.growth.off && !r.stopping && !s.retiring
	if !needed || !r.schedule.wouldSplit(s.worker.proc) {
		return false
	}
	parks := !r.mayShare
	r.mayShare = false
	return parks
}

// hasParked reports whether a worker waits for idle processors.
func (r *run) hasParked() bool {
	return slices.ContainsFunc(r.liveSessions(), func(s *session) bool { return s.parked })
}
