package coordinator

import "testing"

// A worker without a group of its own takes a part of another's only while processors are idle.
func TestPartsAreTakenWhileProcessorsAreIdle(t *testing.T) {
	r := begunRun(t, Config{ShareIdle: true, OnStart: func(int, int, string) {}}, "aaaaaaaa", 1)
	w := &worker{proc: 2, launched: true}
	s := &session{worker: w, joined: true}
	w.session, r.workers, r.growth = s, append(r.workers, w), newGrowth()
	ask := func() int {
		s.unit = nil // as if it was reported
		r.nextBatch(s)
		return r.schedule.left
	}
	for _, step := range []struct {
		load float64
		left int
	}{{1, 7}, {0.9, 7}, {0.1, 6}, {0.9, 6 - 1}} { // the last one is of its own part
		r.growth.load = step.load
		r.useProcessors(t.Context())
		if left, waits := ask(), step.left == 7; left != step.left || s.parked != waits || r.hasParked() != waits || s.done {
			t.Errorf("at a load of %v: %d units are left, parked %t, done %t; want %d", step.load, left, s.parked, s.done, step.left)
		}
	}
	r.schedule = newSchedule(plotted(""))
	if ask(); s.parked || !s.done {
		t.Errorf("parked %t, done %t when nothing is left", s.parked, s.done)
	}
}

// Without the wish, and where the system does not tell, a part is taken at once.
func TestPartsAreTakenAtOnce(t *testing.T) {
	for _, c := range []struct{ wanted, off bool }{{false, false}, {true, true}} {
		r := begunRun(t, Config{ShareIdle: c.wanted}, "aaaaaaaa", 1)
		s := &session{worker: &worker{proc: 2}, joined: true}
		r.growth = newGrowth()
		if r.growth.off = c.off; r.mustPark(s) {
			t.Errorf("%+v: the worker waits", c)
		}
	}
}
