package outcome

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Named document is one with the file that it came from.
type Named struct {
	Name string // name of the file
	Run  Run    // its content
}

// MergeShards folds the documents of one run's shards into one. A shard that is there
// twice counts once, with what started last; a shard that is missing is a problem of the
// document, whose exit status is then [ExitHarness]. An error means that the documents
// are not of one run, and names those that disagree.
func MergeShards(documents []Named) (Run, error) {
	if len(documents) == 0 {
		return Run{}, errors.New("shards merge: no document given")
	}
	for _, d := range documents {
		if d.Run.Shard == nil && d.Run.Shards == nil {
			return Run{}, fmt.Errorf("shards merge: %s is not a shard: it was run without --shard", d.Name)
		}
		if err := sameRun(documents[0], d); err != nil {
			return Run{}, err
		}
	}
	latest := LatestShards(documents, func(d Named) Run { return d.Run })
	d := foldShards(latest)
	_, total, plan := documents[0].Run.heldShards()
	d.Shards = &Shards{Total: total, Plan: plan}
	for index := 1; index <= total; index++ {
		if slices.ContainsFunc(latest, func(n Named) bool { return n.Run.holdsShard(index) }) {
			d.Shards.Held = append(d.Shards.Held, index)
		} else {
			d.Shards.Missing = append(d.Shards.Missing, index)
		}
	}
	if missing := d.Shards.Missing; len(missing) > 0 {
		noun := "shard"
		if len(missing) > 1 {
			noun = "shards"
		}
		d.Problems = append(d.Problems, fmt.Sprintf("%s%s %s of %d: no result was given for it", missingPrefix, noun, joinNumbers(missing), total))
	}
	return d, nil
}

// missingPrefix begins the problem that a later merge takes away.
const missingPrefix = "missing "

// heldShards returns the numbers of the shards in the document.
func (d Run) heldShards() (held []int, total int, plan string) {
	switch {
	case d.Shard != nil:
		return []int{d.Shard.Index}, d.Shard.Total, d.Shard.Plan
	case d.Shards != nil:
		return d.Shards.Held, d.Shards.Total, d.Shards.Plan
	}
	return nil, 0, ""
}

func (d Run) holdsShard(index int) bool {
	held, _, _ := d.heldShards()
	return slices.Contains(held, index)
}

// sameRun tells what two documents disagree about.
func sameRun(a, b Named) error {
	_, totalA, planA := a.Run.heldShards()
	_, totalB, planB := b.Run.heldShards()
	differ := func(what string, va, vb any) error {
		return fmt.Errorf("shards merge: %s and %s are not of one run: the %s is %v in the first and %v in the second", a.Name, b.Name, what, va, vb)
	}
	switch {
	case a.Run.Seed != b.Run.Seed:
		return differ("seed", a.Run.Seed, b.Run.Seed)
	case totalA != totalB:
		return differ("number of shards", totalA, totalB)
	case planA != planB:
		return fmt.Errorf("%w: PATHs, targets, filters, --sweep, --timings or harness differ", differ("selection", planA, planB))
	case a.Run.ID != b.Run.ID:
		return differ("run id", a.Run.ID, b.Run.ID)
	}
	return nil
}

// LatestShards returns the documents, each with a run, without those all of whose shards a
// later document has too, sorted by their first shard. Of two that started at the same
// time it keeps the first.
func LatestShards[D any](documents []D, runOf func(D) Run) []D {
	byStart := slices.Clone(documents)
	slices.SortStableFunc(byStart, func(a, b D) int { return runOf(b).Started.Compare(runOf(a).Started) })
	seen := map[int]bool{}
	var latest []D
	for _, d := range byStart {
		held, _, _ := runOf(d).heldShards()
		news := slices.ContainsFunc(held, func(i int) bool { return !seen[i] })
		for _, i := range held {
			seen[i] = true
		}
		if news {
			latest = append(latest, d)
		}
	}
	slices.SortStableFunc(latest, func(a, b D) int {
		x, _, _ := runOf(a).heldShards()
		y, _, _ := runOf(b).heldShards()
		return slices.Compare(x, y)
	})
	return latest
}

// foldShards folds what the documents found. What two shards say of one spot, as a check
// of what all variants left, is the worse of the two.
func foldShards(documents []Named) Run {
	first := documents[0].Run
	d := Run{Version: first.Version, ID: first.ID, Seed: first.Seed, Started: first.Started, Environment: first.Environment}
	end := time.Time{}
	total := 0
	for _, one := range documents {
		total += len(one.Run.Results)
	}
	results := make([]Result, 0, total)
	at := make(map[resultKey]int, total)
	for _, one := range documents {
		run := one.Run
		if run.Started.Before(d.Started) {
			d.Started = run.Started
		}
		if e := run.Started.Add(run.Elapsed.ToDuration()); e.After(end) {
			end = e
		}
		numbers := map[resultKey]int{}
		for _, r := range run.Results {
			key := spotOf(r, numbers)
			if i, known := at[key]; known {
				if verdictCost(r.Verdict) > verdictCost(results[i].Verdict) {
					results[i] = r
				}
				continue
			}
			at[key] = len(results)
			results = append(results, r)
		}
		d.addParts(run)
	}
	d.Elapsed = MillisOf(end.Sub(d.Started).Round(time.Microsecond))
	d.Baseline = joinComparisons(documents)
	slices.SortStableFunc(results, compareSpots)
	return d.WithResults(results)
}

// compareSpots orders results by target, scenario, variant and check.
func compareSpots(a, b Result) int {
	return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Scenario, b.Scenario), compareNumbers(a.Variant, b.Variant), cmp.Compare(a.Check, b.Check))
}

// compareNumbers orders texts as people do: byte=9 before byte=10.
func compareNumbers(a, b string) int {
	for a != "" && b != "" {
		da, db := leadingDigits(a), leadingDigits(b)
		if da > 0 && db > 0 {
			na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = a[da:], b[db:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// joinComparisons joins what the shards found in comparison with one baseline; nil where
// one was compared with nothing.
func joinComparisons(documents []Named) *Comparison {
	var joined *Comparison
	for _, one := range documents {
		b := one.Run.Baseline
		switch {
		case b == nil:
			return nil
		case joined == nil:
			joined = &Comparison{Name: b.Name, ID: b.ID, Started: b.Started, Counts: map[State]int{}, Changes: []StateChange{}}
		}
		for _, change := range b.Changes {
			joined.addChange(change)
		}
	}
	return joined
}

// addParts takes over what is beside the results of a shard.
func (d *Run) addParts(run Run) {
	held, _, _ := run.heldShards()
	for _, p := range run.Problems {
		if run.Shards != nil {
			if !strings.HasPrefix(p, missingPrefix) {
				d.Problems = append(d.Problems, p)
			}
			continue
		}
		d.Problems = append(d.Problems, fmt.Sprintf("shard %s: %s", joinNumbers(held), p))
	}
	if run.Stopped != "" && d.Stopped != "interrupted" {
		d.Stopped = run.Stopped
	}
	d.Recorded = addEntries(d.Recorded, run.Recorded)
	d.Controls = addEntries(d.Controls, run.Controls)
	d.Scenarios = addEntries(d.Scenarios, run.Scenarios)
	d.Checks = addEntries(d.Checks, run.Checks)
}

// addEntries returns all with those of more, which count where a name is in both. It stays
// nil where there is none.
func addEntries[V any](all, more map[string]V) map[string]V {
	if all == nil && len(more) > 0 {
		all = make(map[string]V, len(more))
	}
	maps.Copy(all, more)
	return all
}
