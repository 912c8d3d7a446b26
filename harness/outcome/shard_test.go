package outcome

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the specs, their weights and the number of shards: every variant is in one
// shard, and the order in which the specs are given makes no difference.
func TestShardsAreDisjointAndComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 20).Draw(t, "total")
		specs := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}/[a-z] on t[0-9]`), 0, 30, rapid.ID).Draw(t, "specs")
		weights := map[string]float64{}
		for _, s := range specs {
			weights[s] = rapid.Float64Range(0, 1000).Draw(t, "weight")
		}
		shards := DividePieces(specs, weights, total)
		if len(shards) != total {
			t.Fatalf("got %d shards, want %d", len(shards), total)
		}
		seen := map[string]map[int]int{}
		for _, p := range slices.Concat(shards...) {
			if seen[p.Spec] == nil {
				seen[p.Spec] = map[int]int{}
			}
			seen[p.Spec][p.Part]++
			if p.Part < 0 || p.Part >= p.Parts {
				t.Errorf("%+v is no part", p)
			}
		}
		for _, s := range specs {
			for part, n := range seen[s] {
				if n != 1 {
					t.Errorf("part %d of %s is there %d times", part, s, n)
				}
			}
		}
		for _, p := range slices.Concat(shards...) {
			if len(seen[p.Spec]) != p.Parts {
				t.Errorf("%s has %d of %d parts", p.Spec, len(seen[p.Spec]), p.Parts)
			}
		}
		if len(seen) != len(specs) {
			t.Errorf("%d of %d specs are in a shard", len(seen), len(specs))
		}
		shuffled := slices.Clone(specs)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if PlanOf(shards) != PlanOf(DividePieces(shuffled, weights, total)) {
			t.Error("another order of the specs gives another plan")
		}
	})
}

// One scenario that takes as long as all others is cut by its variants.
func TestShardsAreBalanced(t *testing.T) {
	weights := map[string]float64{"big on kv": 1000}
	specs := []string{"big on kv"}
	for i := range 10 {
		name := fmt.Sprintf("small%d on kv", i)
		specs, weights[name] = append(specs, name), 100
	}
	for i, pieces := range DividePieces(specs, weights, 4) {
		load := 0.0
		for _, p := range pieces {
			load += weights[p.Spec] / float64(p.Parts)
		}
		if load < 350 || load > 670 {
			t.Errorf("shard %d has load %.0f of 2000, want about 500", i+1, load)
		}
	}
}

func TestPlanTellsSelectionsApart(t *testing.T) {
	a := PlanOf(DividePieces([]string{"a on kv", "b on kv"}, nil, 2), "sweep 96")
	for name, b := range map[string]string{
		"another spec":     PlanOf(DividePieces([]string{"a on kv", "c on kv"}, nil, 2), "sweep 96"),
		"another setting":  PlanOf(DividePieces([]string{"a on kv", "b on kv"}, nil, 2), "sweep 12"),
		"other times":      PlanOf(DividePieces([]string{"a on kv", "b on kv"}, map[string]float64{"a on kv": 9, "b on kv": 1}, 2), "sweep 96"),
		"number of shards": PlanOf(DividePieces([]string{"a on kv", "b on kv"}, nil, 3), "sweep 96"),
	} {
		if a == b {
			t.Errorf("%s: the plan is the same, %s", name, a)
		}
	}
}
