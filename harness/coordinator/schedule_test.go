package coordinator

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// plotted makes a plan of one spec per letter. The letter is its group; a dot is no group; the
// group of a capital letter is whole.
func plotted(groups string) *plan {
	var specs []Spec
	for i, g := range groups {
		specs = append(specs, Spec{Index: i, Group: strings.Trim(string(g), "."), Whole: g >= 'A' && g <= 'Z'})
	}
	return newPlan(specs)
}

// played hands out to the workers in turn and writes down each one's groups.
func played(s *schedule, p *plan, turns []int) []string {
	got := make([]string, slices.Max(turns)+1)
	for _, proc := range turns {
		if u := s.nextUnit(proc); u != nil {
			group := u.specs[0].Group
			if group == "" {
				group = "."
			}
			got[proc] += group
		}
	}
	return got[1:]
}

func TestSchedule(t *testing.T) {
	for _, test := range []struct {
		name, plan string
		turns      []int
		want       []string
	}{
		{"one worker keeps the order of groups", "abab..c", []int{1, 1, 1, 1, 1, 1, 1, 1}, []string{"aabb..c"}},
		{"a group stays with its worker", "aaabbb", []int{1, 2, 1, 2, 1, 2}, []string{"aaa", "bbb"}},
		{"interleaved groups are gathered", "abababab", []int{1, 2, 2, 1, 1, 2, 2, 1}, []string{"aaaa", "bbbb"}},
		{"the longest group is split", "aaaaaaaab", []int{1, 2, 2, 2, 2, 2, 1, 1, 1}, []string{"aaaa", "baaaa"}},
		{"a whole group is not split", "AAAAb", []int{1, 2, 2, 2, 1, 1, 1}, []string{"AAAA", "b"}},
		{"no group is no affinity", "....", []int{1, 2, 1, 2}, []string{"..", ".."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := plotted(test.plan)
			if got := played(newSchedule(p), p, test.turns); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestScheduleHandsOutEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plotted(rapid.StringMatching(`[a-e.]{0,40}`).Draw(t, "groups"))
		s := newSchedule(p)
		seen := map[int]bool{}
		for s.left > 0 {
			proc := rapid.IntRange(1, 5).Draw(t, "proc")
			u := s.nextUnit(proc)
			if u == nil {
				t.Fatalf("got nothing for worker %d with %d left", proc, s.left)
			}
			if rapid.IntRange(0, 9).Draw(t, "fate") == 0 {
				s.returnUnit(proc, u)
				continue
			}
			if seen[u.index] {
				t.Fatalf("unit %d was handed out twice", u.index)
			}
			seen[u.index] = true
		}
		if len(seen) != len(p.parallel) || s.nextUnit(1) != nil {
			t.Fatalf("got %d units, want %d and then none", len(seen), len(p.parallel))
		}
	})
}

// TestAffinity holds the whole way through the protocol: as many groups as
// workers, and no worker sees a second group before one is used up.
func TestAffinity(t *testing.T) {
	c := request(t, "steady", 2)
	r := mustRun(t, c)
	complete(t, c, r)
	done, last := map[string]int{}, map[int]string{}
	for _, report := range r.Reports {
		group := report.ContainerHierarchyTexts[0]
		if before := last[report.ParallelProcess]; before != "" && before != group && done[before] < 12 && len(done) < 5 {
			t.Errorf("worker %d left %q after %d of 12 specs while other groups were untouched", report.ParallelProcess, before, done[before])
		}
		done[group]++
		last[report.ParallelProcess] = group
	}
}
