package coordinator

import "context"

// specsAhead returns the names of the specs that s is likely to get next, at most as many as it
// may run beside the current one. No other worker takes them.
func (r *run) specsAhead(s *session) (names []string) {
	if s.retiring || r.stopping {
		return nil
	}
	for _, u := range r.schedule.reserve(s.worker.proc, s.extra) {
		for _, p := range u.specs {
			names = append(names, p.Name)
		}
	}
	return names
}

// atOnce is how many specs run at a time when all workers do what they may.
func (r *run) atOnce() (n int) {
	for _, s := range r.liveSessions() {
		n += 1 + s.extra
	}
	return n
}

// growStep is the share of what runs at a time by which it grows at once.
const growStep = 2

// startMore lets more specs run at a time, up to Procs: in workers that run already where those
// play ahead, else in another one.
func (r *run) startMore(ctx context.Context) {
	running := r.atOnce()
	for range min(max(1, running/growStep), r.config.Procs-running) {
		if s := r.widestLeft(); s != nil {
			s.extra++
		} else {
			r.startSpare(ctx)
			return
		}
	}
}

// canStartMore reports whether startMore would start anything.
func (r *run) canStartMore() bool {
	if r.atOnce() >= r.config.Procs {
		return false
	}
	return r.widestLeft() != nil || r.spareWorker() != nil && r.schedule.canHelp()
}

// startSpare starts another worker, if there is work for one.
func (r *run) startSpare(ctx context.Context) {
	if w := r.spareWorker(); w != nil && r.schedule.canHelp() {
		r.launchWorker(ctx, w)
	}
}

// widestLeft returns the session that runs the fewest specs, of the sessions that have more
// specs to run side by side; nil: there is no such session.
func (r *run) widestLeft() *session {
	var found *session
	for _, s := range r.liveSessions() {
		more := r.config.Ahead && s.asked && !s.retiring && r.schedule.shareable(s.worker.proc) > s.extra
		if more && (found == nil || s.extra < found.extra) {
			found = s
		}
	}
	return found
}
