package coordinator

import (
	"slices"
	"testing"
	"time"
)

// begunRun is a run of workers that have asked for work, in processes that are not there.
func begunRun(t *testing.T, c Config, groups string, workers int) *run {
	t.Helper()
	c.Procs = 8
	r := &run{config: c, plan: plotted(groups)}
	r.schedule = newSchedule(r.plan)
	for proc := 1; proc <= workers; proc++ {
		w := &worker{proc: proc, launched: true}
		w.session = &session{worker: w, asked: true, seen: time.Now()}
		w.session.unit = r.schedule.nextUnit(proc)
		r.workers = append(r.workers, w)
	}
	return r
}

func extras(r *run) (all []int) {
	for _, w := range r.workers {
		all = append(all, w.session.extra)
	}
	return all
}

// While processors are idle, running workers run more specs at a time, up to Procs in all.
func TestWorkersPlayAhead(t *testing.T) {
	r := begunRun(t, Config{Ahead: true}, "aaaaaaaaaabbbbbbbbbb", 2)
	for range 10 {
		r.startMore(t.Context())
	}
	if got := extras(r); !slices.Equal(got, []int{3, 3}) {
		t.Errorf("the workers play %v specs ahead, want 3 each: 8 at a time", got)
	}
	if r.canStartMore() {
		t.Error("more could start than Procs")
	}
	if names := r.specsAhead(r.workers[0].session); len(names) != 3 {
		t.Errorf("worker 1 plays %q ahead, want 3 specs", names)
	}
}

// A group that belongs to one worker runs in its order, one spec at a time.
func TestWholeGroupsAreNotPlayedAhead(t *testing.T) {
	r := begunRun(t, Config{Ahead: true}, "AAAAAABBBBBB", 2)
	r.startMore(t.Context())
	if got := extras(r); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("the workers play %v specs ahead, want none", got)
	}
}

// No other worker takes a spec that one worker runs ahead, unless that worker dies.
func TestSpecsAheadAreKept(t *testing.T) {
	r := begunRun(t, Config{Ahead: true}, "aaaaa", 1)
	s := r.workers[0].session
	s.extra = 3
	if names := r.specsAhead(s); len(names) != 3 {
		t.Fatalf("got %q, want 3 specs", names)
	}
	if r.schedule.nextUnit(2) == nil {
		t.Error("worker 2 gets nothing, want the last unit")
	}
	if u := r.schedule.nextUnit(2); u != nil {
		t.Errorf("worker 2 gets unit %d, which worker 1 plays", u.index)
	}
	r.schedule.release(1)
	if r.schedule.nextUnit(2) == nil {
		t.Error("worker 2 gets nothing although worker 1 is dead")
	}
}
