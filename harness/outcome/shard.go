package outcome

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A Shard is the place of a document among those that share one run.
type Shard struct {
	Index int `json:"index"` // from 1
	Total int `json:"total"` // how many shards share the run
	// Plan is the fingerprint of how the run was divided: shards with different plans
	// are not of the same selection, or were balanced by different times.
	Plan string `json:"plan"`
}

// String returns "2/8".
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Total) }

// Shards tells which shards a merged document holds.
type Shards struct {
	Total   int    `json:"total"`             // how many shards share the run
	Plan    string `json:"plan"`              // see [Shard]
	Held    []int  `json:"held"`              // numbers of the shards in the document
	Missing []int  `json:"missing,omitempty"` // each is a problem of the document
}

// A Piece is a scenario on a target, or one part of its variants: those whose
// number leaves the remainder Part when it is divided by Parts.
type Piece struct {
	Spec  string // "id on target"
	Part  int    // from 0
	Parts int    // 1: all variants
}

// DividePieces divides specs among total shards and returns the pieces of each. The same
// arguments give the same answer, on every machine and in any order of specs: the shards
// are disjoint and complete. Weights are what the specs cost, in any unit; one without
// a weight costs the mean of the others. A spec that costs more than a shard's share is
// cut into parts by its variants.
func DividePieces(specs []string, weights map[string]float64, total int) [][]Piece {
	specs = slices.Sorted(slices.Values(specs))
	cost, sum := costsOf(specs, weights)
	var pieces []weighted
	for _, spec := range specs {
		parts := partsOf(cost[spec], sum/float64(total), total)
		if len(specs) < total {
			parts = max(parts, (total+len(specs)-1)/len(specs))
		}
		for part := range parts {
			pieces = append(pieces, weighted{Piece{spec, part, parts}, cost[spec] / float64(parts)})
		}
	}
	// The longest first, each to the shard that has least: no shard ends up with more
	// than 4/3 of the best division (Graham 1969).
	slices.SortStableFunc(pieces, func(a, b weighted) int { return cmp.Compare(b.cost, a.cost) })
	shards, loads := make([][]Piece, total), make([]float64, total)
	for _, p := range pieces {
		least := 0
		for i, load := range loads {
			if load < loads[least] {
				least = i
			}
		}
		shards[least] = append(shards[least], p.Piece)
		loads[least] += p.cost
	}
	return shards
}

type weighted struct {
	Piece
	cost float64
}

// costsOf returns what each spec costs, never nothing, and the sum.
func costsOf(specs []string, weights map[string]float64) (cost map[string]float64, sum float64) {
	known, n := 0.0, 0
	for _, spec := range specs {
		if w := weights[spec]; w > 0 {
			known += w
			n++
		}
	}
	mean := 1.0
	if n > 0 {
		mean = known / float64(n)
	}
	cost = make(map[string]float64, len(specs))
	for _, spec := range specs {
		cost[spec] = mean
		if w := weights[spec]; w > 0 {
			cost[spec] = w
		}
		sum += cost[spec]
	}
	return cost, sum
}

// partsOf returns into how many parts a spec is cut so that none costs more than share.
func partsOf(cost, share float64, total int) int {
	if cost <= share {
		return 1
	}
	return min(total, int(cost/share)+1)
}

// PlanOf returns the fingerprint of a division and of the settings that it holds for.
func PlanOf(shards [][]Piece, settings ...string) string {
	h := sha256.New()
	for _, s := range settings {
		fmt.Fprintf(h, "%q\n", s)
	}
	for i, pieces := range shards {
		for _, p := range pieces {
			fmt.Fprintf(h, "%d %q %d/%d\n", i, p.Spec, p.Part, p.Parts)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// SpecCosts returns what each scenario on a target took, in milliseconds of its variants
// together, by "id on target".
func (d Run) SpecCosts() map[string]float64 {
	costs := map[string]float64{}
	for _, r := range d.Results {
		costs[r.SpecName()] += float64(r.Elapsed)
	}
	return costs
}

// SpecName returns "id on target", under which the result's scenario was planned.
func (r Result) SpecName() string { return r.Scenario + " on " + r.Target }

// joinNumbers returns "1, 2 and 5".
func joinNumbers(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
