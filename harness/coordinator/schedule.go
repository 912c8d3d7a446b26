package coordinator

import "slices"

// A schedule hands out units. A worker keeps to one group while it lasts, so
// that what it knows of the group's target stays warm; then it opens the next
// group, and when all are open it takes half of the longest.
type schedule struct {
	fresh [][]*unit       // groups that no worker has opened, in plan order
	open  map[int][]*unit // what is left of each worker's group
	left  int
}

func newSchedule(p *plan) *schedule {
	s := &schedule{open: map[int][]*unit{}, left: len(p.parallel)}
	at := map[string]int{}
	for _, u := range p.parallel {
		group := u.specs[0].Group
		i, known := at[group]
		if group == "" || !known {
			i = len(s.fresh)
			at[group] = i
			s.fresh = append(s.fresh, nil)
		}
		s.fresh[i] = append(s.fresh[i], u)
	}
	return s
}

// nextUnit returns the unit for worker proc, nil when nothing is left.
func (s *schedule) nextUnit(proc int) *unit {
	if len(s.open[proc]) == 0 && !s.openFresh(proc) && !s.splitGroup(proc) {
		return nil
	}
	u := s.open[proc][0]
	s.open[proc] = s.open[proc][1:]
	s.left--
	return u
}

func (s *schedule) openFresh(proc int) bool {
	if len(s.fresh) == 0 {
		return false
	}
	s.open[proc], s.fresh = s.fresh[0], s.fresh[1:]
	return true
}

// splitGroup gives worker proc the far half of the longest open group that may be
// shared: its owner works from the near end.
func (s *schedule) splitGroup(proc int) bool {
	longest := 0
	for owner, units := range s.open {
		if len(units) > 0 && units[0].specs[0].Whole {
			continue
		}
		if n := len(units); n > len(s.open[longest]) || n > 0 && n == len(s.open[longest]) && owner < longest {
			longest = owner
		}
	}
	units := s.open[longest]
	if len(units) == 0 {
		return false
	}
	s.open[longest], s.open[proc] = units[:len(units)/2:len(units)/2], units[len(units)/2:]
	return true
}

// canHelp reports whether a worker that has nothing would be given something.
func (s *schedule) canHelp() bool {
	for _, units := range s.open {
		if len(units) > 0 && !units[0].specs[0].Whole {
			return true
		}
	}
	return len(s.fresh) > 0
}

// returnUnit returns u, which worker proc was given but did not begin.
func (s *schedule) returnUnit(proc int, u *unit) {
	s.open[proc] = slices.Insert(slices.Clone(s.open[proc]), 0, u)
	s.left++
}
