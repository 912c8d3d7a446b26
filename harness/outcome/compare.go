package outcome

import (
	"slices"
	"time"
)

// A State is how a result relates to a baseline.
type State string

// The states.
const (
	New       State = "new"       // red, and the baseline does not know it
	Regressed State = "regressed" // red, and green in the baseline
	Ongoing   State = "ongoing"   // red in both; it does not turn the run red
	Resolved  State = "resolved"  // green, and red in the baseline
	Vanished  State = "vanished"  // in the baseline and not in this run
)

// AllStates lists the states in the order of reports.
func AllStates() []State { return []State{New, Regressed, Ongoing, Resolved, Vanished} }

// A Comparison holds a run against an earlier one.
type Comparison struct {
	Name    string        `json:"name,omitempty"`   // of the file with the earlier run
	ID      string        `json:"run_id,omitempty"` // id of the earlier run
	Started time.Time     `json:"started"`          // when the earlier run started
	Counts  map[State]int `json:"counts"`           // how many results have each state
	Changes []StateChange `json:"changes"`          // all but what is green in both
}

// A StateChange is one result that is not green in both runs, or is in the baseline only.
type StateChange struct {
	State    State   `json:"state"`             // what became of the result
	Target   string  `json:"target"`            // name of the target
	Scenario string  `json:"scenario"`          // id of the scenario
	Variant  string  `json:"variant,omitempty"` // name of the variant; empty: the only one
	Check    string  `json:"check,omitempty"`   // the default oracle that it is about; empty: the scenario's expectations
	Level    Level   `json:"level,omitempty"`   // what a violation costs
	Before   Verdict `json:"before,omitempty"`  // empty: not known then
	Now      Verdict `json:"now,omitempty"`     // empty: not in this run
}

// CompareWith holds the run against a baseline and returns it with a Comparison and with
// the state of each red result. What is ongoing turns the run red no more; invalid
// results and problems of the harness do, whatever the baseline says, because they
// prove nothing. A default oracle that says nothing of a variant that was played has
// passed. Nothing vanishes from a shard or from a run that was stopped.
func (d Run) CompareWith(name string, old Run, strict bool) Run {
	before, now := indexResults(old, strict), indexResults(d, strict)
	c := &Comparison{Name: name, ID: old.ID, Started: old.Started, Counts: map[State]int{}, Changes: []StateChange{}}
	results := slices.Clone(d.Results)
	numbers := map[resultKey]int{}
	for i := range results {
		r := &results[i]
		r.State = ""
		key := spotOf(*r, numbers)
		state := stateOf(r.CountsAsRed(strict), key, before)
		if r.CountsAsRed(strict) {
			r.State = state
		}
		if state != "" {
			c.addChange(StateChange{State: state, Target: r.Target, Scenario: r.Scenario, Variant: r.Variant, Check: r.Check,
				Level: r.Level, Before: before.verdictAt(key), Now: r.Verdict})
		}
	}
	for _, key := range before.order {
		if _, there := now.verdicts[key]; !there {
			c.addAbsent(key, before, now, d.Shard == nil && d.Stopped == "")
		}
	}
	d.Baseline = c
	d.Results = results
	return d
}

// CountsAsRed reports whether the result is red without a baseline. Strict makes level
// should count too.
func (r Result) CountsAsRed(strict bool) bool {
	r.State = ""
	return r.TurnsRed(strict) || r.Verdict == Invalid
}

func stateOf(red bool, key resultKey, before resultIndex) State {
	_, known := before.verdicts[key]
	passed := known || before.passedSilently(key)
	switch {
	case red && before.red[key]:
		return Ongoing
	case red && passed:
		return Regressed
	case red:
		return New
	case before.red[key]:
		return Resolved
	}
	return ""
}

func (c *Comparison) addChange(s StateChange) {
	c.Counts[s.State]++
	c.Changes = append(c.Changes, s)
}

// addAbsent tells what became of a result that only the baseline has.
func (c *Comparison) addAbsent(key resultKey, before, now resultIndex, isWhole bool) {
	change := StateChange{State: Vanished, Target: key.target, Scenario: key.scenario, Variant: key.variant, Check: key.check,
		Level: before.levels[key], Before: before.verdicts[key]}
	switch {
	case now.passedSilently(key):
		if !before.red[key] {
			return
		}
		change.State, change.Now = Resolved, Pass
	case !isWhole:
		return
	}
	c.addChange(change)
}

// A resultIndex finds the results of a document by their spot.
type resultIndex struct {
	order    []resultKey
	verdicts map[resultKey]Verdict
	levels   map[resultKey]Level
	red      map[resultKey]bool
	played   map[variantKey]bool
}

func indexResults(d Run, strict bool) resultIndex {
	n := len(d.Results)
	x := resultIndex{verdicts: make(map[resultKey]Verdict, n), levels: make(map[resultKey]Level, n), red: map[resultKey]bool{}, played: make(map[variantKey]bool, n)}
	numbers := map[resultKey]int{}
	for _, r := range d.Results {
		key := spotOf(r, numbers)
		x.order = append(x.order, key)
		x.verdicts[key], x.levels[key] = r.Verdict, r.Level
		if r.CountsAsRed(strict) {
			x.red[key] = true
		}
		if r.Check == "" && r.Verdict != Unsupported {
			x.played[key.variantKey] = true
			x.played[key.scenarioKey()] = true
		}
	}
	return x
}

func (x resultIndex) verdictAt(key resultKey) Verdict {
	if v, known := x.verdicts[key]; known {
		return v
	}
	if x.passedSilently(key) {
		return Pass
	}
	return ""
}

// passedSilently reports whether the spot is of a check on something that was played.
func (x resultIndex) passedSilently(key resultKey) bool {
	return key.check != "" && x.played[key.place()]
}

// AsBaseline returns what a later run needs of this one to be compared with it: verdicts
// and times, without events, messages' evidence and what processes wrote.
func (d Run) AsBaseline() Run {
	results := make([]Result, len(d.Results))
	for i, r := range d.Results {
		results[i] = Result{Target: r.Target, Scenario: r.Scenario, Variant: r.Variant, Check: r.Check, Level: r.Level, Verdict: r.Verdict,
			Elapsed: r.Elapsed, Ending: r.Ending}
		if r.Verdict != Pass {
			results[i].Message = r.Message
		}
	}
	d.Results, d.Baseline, d.Scenarios, d.Checks, d.Controls, d.Rounds = results, nil, nil, nil, nil, nil
	return d
}
