package stacktrace

import "slices"

const (
	firstLines = 2 // of the text, always selected
	lastLines  = 2 // the same
	afterHead  = 3 // lines after the one that names the error: where it happened
)

// Select returns the indexes, in order, of at most limit lines (8 at least) that
// tell most: the first and the last, those that name an error, those that mention
// one, and what stands around them. With no more lines than the limit it is all.
func Select(lines []string, limit int) []int {
	limit = max(limit, firstLines+lastLines+afterHead+1)
	s := selection{limit: min(limit, len(lines)), kinds: classify(lines), taken: make([]bool, len(lines))}
	n := len(lines)
	s.takeRange(0, min(firstLines, n))
	s.takeRange(max(0, n-lastLines), n)
	head := s.takeKind(headLine)
	if head >= 0 {
		s.takeRange(head+1, min(n, head+1+afterHead))
	}
	s.takeKind(mentionLine)
	if head >= 0 {
		s.takeRange(head+1, n)
	}
	for i := n - 1; i >= 0; i-- {
		s.take(i)
	}
	return s.indexes()
}

// A selection is the lines that were chosen so far.
type selection struct {
	limit int
	count int
	kinds []lineKind
	taken []bool
}

func (s *selection) take(i int) {
	if s.count < s.limit && !s.taken[i] {
		s.taken[i] = true
		s.count++
	}
}

func (s *selection) takeRange(from, to int) {
	for i := from; i < to; i++ {
		s.take(i)
	}
}

// takeKind takes all lines of a kind, the last first, and returns the last; -1
// for none.
func (s *selection) takeKind(kind lineKind) int {
	last := -1
	for i := len(s.kinds) - 1; i >= 0; i-- {
		if s.kinds[i] == kind {
			s.take(i)
			last = max(last, i)
		}
	}
	return last
}

func (s *selection) indexes() []int {
	var out []int
	for i, taken := range s.taken {
		if taken {
			out = append(out, i)
		}
	}
	return slices.Clip(out)
}
