package outcome

import (
	"fmt"
	"slices"
	"time"
)

// Rounds tells what came of playing the same again and again.
type Rounds struct {
	Asked    int      `json:"asked"`    // rounds that were wanted
	Played   int      `json:"played"`   // to their end
	Variants int      `json:"variants"` // number of variants in a round
	Changed  []Change `json:"changed"`  // whose verdict was not the same in every round
}

// A Change is a verdict that was not the same in every round.
type Change struct {
	Target   string    `json:"target"`            // name of the target
	Scenario string    `json:"scenario"`          // id of the scenario
	Variant  string    `json:"variant,omitempty"` // name of the variant; empty: the only one
	Check    string    `json:"check,omitempty"`   // the default oracle that it is about; empty: the scenario's expectations
	Verdicts []Verdict `json:"verdicts"`          // one for each round; empty where it was not played
}

// hasChanges tells what of the rounds makes a difference, nil without rounds.
func (r *Rounds) hasChanges() bool { return r != nil && len(r.Changed) > 0 }

// variantKey is a variant; two results of one check in it are numbered.
type variantKey struct{ target, scenario, variant string }

type resultKey struct {
	variantKey
	check  string
	number int
}

// MergeRounds folds rounds of the same selection into one document: the last whole
// one, in which each result is the worst that any round had, and which tells
// where they differ. A variant that a round did not reach, as after too many
// failures, makes no difference; a check that says nothing of a variant that was
// played is a pass. It panics when there is no round.
func MergeRounds(asked int, rounds []Run) Run {
	last := rounds[len(rounds)-1]
	d := last
	tally := newTally(rounds)
	r := &Rounds{Asked: asked, Changed: []Change{}}
	d.Problems = nil
	for _, one := range rounds {
		if one.Stopped == "" {
			r.Played++
			d.Results = one.Results
		}
		for _, problem := range one.Problems {
			if !slices.Contains(d.Problems, problem) {
				d.Problems = append(d.Problems, problem)
			}
		}
	}
	r.Variants, r.Changed = tally.countVariants(), append(r.Changed, tally.verdictChanges(len(rounds))...)
	d.Started, d.Rounds = rounds[0].Started, r
	d.Elapsed = MillisOf(last.Started.Add(last.Elapsed.ToDuration()).Sub(rounds[0].Started).Round(time.Microsecond))
	return d.WithResults(tally.worstResults(d.Results))
}

// A roundTally is what each spot came to, round by round.
type roundTally struct {
	order   []resultKey
	results map[resultKey][]*Result // one for each round; nil where there is none
	places  map[variantKey][]bool   // whether it was played, round by round; with variant "*", whether any of them was
}

func newTally(rounds []Run) roundTally {
	t := roundTally{results: map[resultKey][]*Result{}, places: map[variantKey][]bool{}}
	for i, d := range rounds {
		numbers := map[resultKey]int{}
		for j, r := range d.Results {
			s := spotOf(r, numbers)
			if t.results[s] == nil {
				t.order = append(t.order, s)
				t.results[s] = make([]*Result, len(rounds))
			}
			t.results[s][i] = &d.Results[j]
			t.notePlayed(s.variantKey, i, len(rounds))
			t.notePlayed(s.scenarioKey(), i, len(rounds))
		}
	}
	return t
}

func (t roundTally) notePlayed(p variantKey, round, rounds int) {
	if t.places[p] == nil {
		t.places[p] = make([]bool, rounds)
	}
	t.places[p][round] = true
}

// countVariants counts what was played, without what speaks of scenarios as a whole.
func (t roundTally) countVariants() int {
	seen := map[variantKey]bool{}
	for _, s := range t.order {
		if s.check == "" || s.variant != "" {
			seen[s.variantKey] = true
		}
	}
	return len(seen)
}

// scenarioKey is the place that stands for all variants of one scenario.
func (p variantKey) scenarioKey() variantKey { return variantKey{p.target, p.scenario, "*"} }

// place is what a result is about: its variant, or its whole scenario.
func (k resultKey) place() variantKey {
	if k.variant == "" {
		return k.scenarioKey()
	}
	return k.variantKey
}

// passedSilently reports whether a check that says nothing in this round has passed:
// what it is about was played.
func (t roundTally) passedSilently(s resultKey, round int) bool {
	return s.check != "" && t.places[s.place()][round]
}

func spotOf(r Result, numbers map[resultKey]int) resultKey {
	s := resultKey{variantKey: variantKey{r.Target, r.Scenario, r.Variant}, check: r.Check}
	numbers[s]++
	s.number = numbers[s]
	return s
}

func (t roundTally) verdictChanges(rounds int) []Change {
	var out []Change
	for _, s := range t.order {
		verdicts := make([]Verdict, rounds)
		seen := map[Verdict]bool{}
		for i, r := range t.results[s] {
			switch {
			case r != nil:
				verdicts[i] = r.Verdict
			case t.passedSilently(s, i):
				verdicts[i] = Pass
			default:
				continue
			}
			seen[verdicts[i]] = true
		}
		if len(seen) > 1 {
			out = append(out, Change{s.target, s.scenario, s.variant, s.check, verdicts})
		}
	}
	return append(out, t.scenarioChanges(rounds, out)...)
}

// scenarioChanges finds scenarios whose worst verdict changed although no
// variant's did: one that is blocked has no variants.
func (t roundTally) scenarioChanges(rounds int, known []Change) []Change {
	told := map[variantKey]bool{}
	for _, c := range known {
		told[variantKey{c.Target, c.Scenario, ""}] = true
	}
	var order []variantKey
	worst := map[variantKey][]Verdict{}
	for _, s := range t.order {
		p := variantKey{s.target, s.scenario, ""}
		if worst[p] == nil {
			order = append(order, p)
			worst[p] = make([]Verdict, rounds)
		}
		for i, r := range t.results[s] {
			if r != nil && verdictCost(r.Verdict) > verdictCost(worst[p][i]) {
				worst[p][i] = r.Verdict
			}
		}
	}
	var out []Change
	for _, p := range order {
		verdicts := slices.DeleteFunc(slices.Clone(worst[p]), func(v Verdict) bool { return v == "" })
		if len(slices.Compact(verdicts)) > 1 && !told[p] {
			out = append(out, Change{Target: p.target, Scenario: p.scenario, Verdicts: worst[p]})
		}
	}
	return out
}

// worstResults returns the results with each replaced by the worst of its spot, and
// what other rounds found beside them.
func (t roundTally) worstResults(results []Result) []Result {
	out := make([]Result, 0, len(results))
	numbers, taken := map[resultKey]int{}, map[resultKey]bool{}
	for _, r := range results {
		s := spotOf(r, numbers)
		taken[s] = true
		out = append(out, t.worstOf(s))
	}
	for _, s := range t.order {
		if !taken[s] {
			out = append(out, t.worstOf(s))
		}
	}
	return out
}

func (t roundTally) worstOf(s resultKey) Result {
	var worst *Result
	for _, r := range t.results[s] {
		if r != nil && (worst == nil || verdictCost(r.Verdict) >= verdictCost(worst.Verdict)) {
			worst = r
		}
	}
	return *worst
}

// verdictCost orders verdicts by what they cost.
func verdictCost(v Verdict) int {
	return slices.Index([]Verdict{Pass, Unsupported, Waived, Stale, Blocked, Flaky, Fail, Invalid}, v)
}

// String tells the change in one line: on what, and how often which verdict.
func (c Change) String() string {
	text := c.Scenario + " on " + c.Target
	if c.Variant != "" {
		text += " [" + c.Variant + "]"
	}
	if c.Check != "" {
		text += " (" + c.Check + ")"
	}
	counts := map[Verdict]int{}
	for _, v := range c.Verdicts {
		counts[v]++
	}
	between := ": "
	for _, v := range append(AllVerdicts(), "") {
		if counts[v] == 0 {
			continue
		}
		word := string(v)
		if v == "" {
			word = "not run"
		}
		text += fmt.Sprintf("%s%d× %s", between, counts[v], word)
		between = ", "
	}
	return text
}
