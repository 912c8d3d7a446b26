package outcome

import (
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A Run is the JSON result of one run; everything else is rendered from it.
type Run struct {
	Version  int             `json:"version"`                                                                    // of this format: 1
	ID       string          `json:"run_id,omitempty" jsonschema:"description=The same in all shards of a run."` // the same in all shards of a run
	Seed     int64           `json:"seed" jsonschema:"description=Seed of all random choices."`
	Started  time.Time       `json:"started"`    // when it started
	Elapsed  Millis          `json:"elapsed_ms"` // how long it took
	Summary  map[Verdict]int `json:"summary" jsonschema:"description=How many results have each verdict."`
	Problems []string        `json:"problems,omitempty" jsonschema:"description=Failures of the harness itself: a worker that crashed or a scenario that never ran."` // of the harness itself: a worker that crashed, a scenario that never ran
	Stopped  string          `json:"stopped,omitempty" jsonschema:"description=interrupted or fail-fast; absent for a whole run."`                                    // "interrupted", "fail-fast", or empty for a whole run
	Rounds   *Rounds         `json:"rounds,omitempty" jsonschema:"description=Of a selection that ran several times."`                                                // nil: it was played once
	Shard    *Shard          `json:"shard,omitempty" jsonschema:"description=Which part of a run this is; absent for the whole."`                                     // nil: it is the whole run
	Shards   *Shards         `json:"shards,omitempty" jsonschema:"description=Which shards a merged result holds."`                                                   // nil: it was not merged from shards

	Environment *Environment `json:"environment,omitempty"`                                                            // where it ran; nil: not known
	Baseline    *Comparison  `json:"baseline,omitempty" jsonschema:"description=How it compares with an earlier run."` // nil: it was compared with nothing

	Scenarios map[string]Explanation `json:"scenarios,omitempty" jsonschema:"description=What those are for that did not pass: by name."` // what those are for that did not pass, see [Run.ExplainResults]
	Checks    map[string]Explanation `json:"checks,omitempty" jsonschema:"description=The same of default oracles."`

	Recorded map[string][]string `json:"recorded,omitempty" jsonschema:"description=By target: what was inferred of the conversation of its two programs\\, which has no dialogue."` // by target: what was inferred of two programs without a dialogue

	Controls map[string][]event.Event `json:"controls,omitempty" jsonschema:"description=By target: the events of the conversation without any fault."` // by target: the conversation without any fault, of targets with failures
	Results  []Result                 `json:"results" jsonschema:"description=One for each variant of each scenario on each target."`
}

// Exit codes of the command. Never a count.
const (
	ExitOK          = 0
	ExitVerdicts    = 1 // fail, stale waiver
	ExitUsage       = 2 // usage, configuration or scenario file
	ExitHarness     = 3 // the harness failed, or a result is invalid
	ExitNothing     = 4 // nothing was selected, or nothing of it could be played
	ExitInterrupted = 130
)

// FoldResults counts results into a document.
func FoldResults(seed int64, started time.Time, elapsed time.Duration, results []Result) Run {
	d := Run{Version: 1, Seed: seed, Started: started, Elapsed: MillisOf(elapsed), Results: results, Summary: map[Verdict]int{}}
	for _, v := range AllVerdicts() {
		d.Summary[v] = 0
	}
	for _, r := range results {
		d.Summary[r.Verdict]++
	}
	if d.Results == nil {
		d.Results = []Result{}
	}
	return d
}

// ExitCode is what the document says to a CI: 0 only when at least one variant was
// played, nothing that counts failed, nothing was invalid and nothing is missing. A
// failure that does not count is 0, alone or among others. Of a shard it is 0, too, where
// nothing was to be played. With a baseline only what is new or regressed is a verdict.
func (d Run) ExitCode(strict bool) int {
	switch {
	case d.Stopped == "interrupted":
		return ExitInterrupted
	case len(d.Problems) > 0 || d.Summary[Invalid] > 0:
		return ExitHarness
	case d.anyRed(strict) || d.Rounds.hasChanges():
		return ExitVerdicts
	case len(d.Results) == d.Summary[Unsupported] && d.Shard != nil:
		return ExitOK
	case len(d.Results) == d.Summary[Unsupported]:
		return ExitNothing
	case d.WasBlocked():
		return ExitVerdicts
	}
	return ExitOK
}

// WasBlocked reports whether nothing was tested because conversations fail without any
// fault. That is red at every level.
func (d Run) WasBlocked() bool {
	return d.Summary[Blocked] > 0 && len(d.Results) == d.Summary[Unsupported]+d.Summary[Blocked]
}

// WithResults returns the document with other results, counted.
func (d Run) WithResults(results []Result) Run {
	counted := FoldResults(d.Seed, d.Started, 0, results)
	d.Results, d.Summary = counted.Results, counted.Summary
	return d
}

func (d Run) anyRed(strict bool) bool {
	for _, r := range d.Results {
		if r.TurnsRed(strict) {
			return true
		}
	}
	return false
}
