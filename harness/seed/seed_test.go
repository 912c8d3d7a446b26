package seed

import "testing"

func first(s Source) [3]uint64 {
	r := s.NewRand()
	return [3]uint64{r.Uint64(), r.Uint64(), r.Uint64()}
}

func TestSameSeedAndPathGiveTheSameSequence(t *testing.T) {
	path := func() Source { return New(7).SplitBy("kv").SplitN(3).SplitBy("latency") }
	if one, other := first(path()), first(path()); one != other {
		t.Errorf("two generators of one path give %v and %v", one, other)
	}
}

func TestPathsAreApart(t *testing.T) {
	root := New(7)
	seen := map[[3]uint64]string{}
	for name, s := range map[string]Source{
		"root": root, "other seed": New(8), "a": root.SplitBy("a"), "b": root.SplitBy("b"), "empty": root.SplitBy(""),
		"1": root.SplitN(1), "2": root.SplitN(2), "a/b": root.SplitBy("a").SplitBy("b"), "ab": root.SplitBy("ab"), "b/a": root.SplitBy("b").SplitBy("a"),
	} {
		if other, taken := seen[first(s)]; taken {
			t.Errorf("%s and %s give the same sequence", name, other)
		}
		seen[first(s)] = name
	}
}

// Splitting must not disturb the source that is split: its key is a copy.
func TestSplitLeavesTheSourceAlone(t *testing.T) {
	s := New(1)
	before := first(s)
	s.SplitBy("x")
	s.SplitN(9)
	if first(s) != before {
		t.Error("a split changed its source")
	}
}
