package coordinator

import "slices"

// A schedule hands out units. A worker stays with one group while that has units: its target is
// set up already. Then it opens the next group. When all groups are open, it takes half of the
// longest.
type schedule struct {
	fresh [][]*unit       // groups that no worker has opened, in plan order
	open  map[int][]*unit // what is left of each worker's group
	kept  map[int]int     // how many of the next ones are reserved for the worker
	left  int
}

func newSchedule(p *plan) *schedule {
	s := &schedule{open: map[int][]*unit{}, kept: map[int]int{}, left: len(p.parallel)}
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
	s.kept[proc] = max(0, s.kept[proc]-1)
	s.left--
	return u
}

// nextOfGroup returns at most n more units for worker proc from its open group, and leaves at
// least half of the group.
func (s *schedule) nextOfGroup(proc, n int) []*unit {
	n = max(0, min(n, len(s.open[proc])/2))
	taken := s.open[proc][:n]
	s.open[proc] = s.open[proc][n:]
	s.kept[proc] = max(0, s.kept[proc]-n)
	s.left -= n
	return taken
}

// wouldSplit reports whether the next unit of the worker would be one of another's group.
func (s *schedule) wouldSplit(proc int) bool {
	return len(s.open[proc]) == 0 && len(s.fresh) == 0 && s.canHelp()
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
	longest, most := 0, 0
	for owner := range s.open {
		if n := s.spare(owner); n > most || n > 0 && n == most && owner < longest {
			longest, most = owner, n
		}
	}
	if most == 0 {
		return false
	}
	units := s.open[longest]
	keep := len(units) - (most - most/2)
	s.open[longest], s.open[proc] = units[:keep:keep], units[keep:]
	return true
}

// shareable returns how many units of the worker's open group can run side by side.
func (s *schedule) shareable(proc int) int {
	units := s.open[proc]
	if len(units) == 0 || units[0].specs[0].Whole {
		return 0
	}
	return len(units)
}

// spare is how many of them another worker may take.
func (s *schedule) spare(proc int) int { return max(0, s.shareable(proc)-s.kept[proc]) }

// reserve returns the next units of the worker's open group, at most n, and keeps them from
// the others.
func (s *schedule) reserve(proc, n int) []*unit {
	n = min(n, s.shareable(proc))
	s.kept[proc] = max(s.kept[proc], n)
	return s.open[proc][:n]
}

// release lets other workers take the rest of the worker's group.
func (s *schedule) release(proc int) { s.kept[proc] = 0 }

// canHelp reports whether an idle worker would get a unit.
func (s *schedule) canHelp() bool {
	for proc := range s.open {
		if s.spare(proc) > 0 {
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
