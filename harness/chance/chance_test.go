package chance

import "testing"

func first(s Source) [3]uint64 {
	r := s.Rand()
	return [3]uint64{r.Uint64(), r.Uint64(), r.Uint64()}
}

func TestSameSeedAndPathGiveTheSameSequence(t *testing.T) {
	path := func() Source { return New(7).Split("kv").SplitN(3).Split("latency") }
	if first(path()) != first(path()) {
		t.Error("two generators of one path differ")
	}
}

func TestPathsAreApart(t *testing.T) {
	root := New(7)
	seen := map[[3]uint64]string{}
	for name, s := range map[string]Source{
		"root": root, "other seed": New(8), "a": root.Split("a"), "b": root.Split("b"), "empty": root.Split(""),
		"1": root.SplitN(1), "2": root.SplitN(2), "a/b": root.Split("a").Split("b"), "ab": root.Split("ab"), "b/a": root.Split("b").Split("a"),
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
	s.Split("x")
	s.SplitN(9)
	if first(s) != before {
		t.Error("a split changed its source")
	}
}
