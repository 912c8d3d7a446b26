package explore

// A place is a point of a series.
type place struct {
	series *series
	offset int64
}

func (p place) point() Point { return p.series.at(p.offset) }

// A schedule hands out the points of a space: what lies at borders first, then half of
// each gap whose ends differ, then every byte with ever smaller strides.
type schedule struct{ space *space }

// maxStride is the first stride of the sweep.
const maxStride = 1 << 10

// next returns the places of the next wave; none when every point was played. Each wave
// must have been played before the next is asked for. A wave is of series that are slow,
// or of those that are not: these come first.
func (s *schedule) next() []place {
	for _, slow := range []bool{false, true} {
		if wave := s.borders(slow); len(wave) > 0 {
			return wave
		}
	}
	for _, slow := range []bool{false, true} {
		if wave := s.halves(slow); len(wave) > 0 {
			return wave
		}
		for stride := int64(maxStride); stride > 0; stride /= 2 {
			if wave := s.grid(slow, stride); len(wave) > 0 {
				return wave
			}
		}
	}
	return nil
}

func (s *schedule) borders(slow bool) []place {
	var wave []place
	for _, one := range s.space.series {
		for _, at := range one.borders {
			if one.isSlow() == slow && one.result(at) == unplayed {
				wave = append(wave, place{one, at})
			}
		}
	}
	return wave
}

// halves returns the middle of each gap whose ends have different results.
func (s *schedule) halves(slow bool) []place {
	var wave []place
	for _, one := range s.space.series {
		if one.isSlow() != slow || one.isPlayed() {
			continue
		}
		before := int64(-1)
		for at := one.from; at <= one.last(); at++ {
			r := one.result(at)
			if r == unplayed || r == excluded {
				continue
			}
			if before >= 0 && one.result(before) != r {
				if mid, ok := one.unplayedBetween(before, at); ok {
					wave = append(wave, place{one, mid})
				}
			}
			before = at
		}
	}
	return wave
}

// unplayedBetween returns the point nearest to the middle of a gap.
func (s *series) unplayedBetween(from, to int64) (int64, bool) {
	mid := (from + to) / 2
	for d := int64(0); d <= to-from; d++ {
		for _, at := range []int64{mid - d, mid + d} {
			if at > from && at < to && s.result(at) == unplayed {
				return at, true
			}
		}
	}
	return 0, false
}

func (s *schedule) grid(slow bool, stride int64) []place {
	var wave []place
	for _, one := range s.space.series {
		if one.isSlow() != slow || one.isPlayed() {
			continue
		}
		for at := one.from; at <= one.last(); at++ {
			if (at-one.from)%stride == 0 && one.result(at) == unplayed {
				wave = append(wave, place{one, at})
			}
		}
	}
	return wave
}

// isPlayed reports whether no point of the series is left.
func (s *series) isPlayed() bool { return s.played >= s.points }
