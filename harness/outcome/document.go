package outcome

import "time"

// A Document is the JSON result of one run; everything else is rendered from it.
type Document struct {
	Version  int             `json:"version"` // of this format: 1
	Seed     int64           `json:"seed"`
	Started  time.Time       `json:"started"`
	Elapsed  Millis          `json:"elapsed_ms"`
	Summary  map[Verdict]int `json:"summary"`
	Problems []string        `json:"problems,omitempty"` // of the harness itself: a worker that crashed, a scenario that never ran
	Stopped  string          `json:"stopped,omitempty"`  // "interrupted", "fail-fast", or empty for a whole run
	Rounds   *Rounds         `json:"rounds,omitempty"`   // nil: it was played once

	Scenarios map[string]About `json:"scenarios,omitempty"` // what those are for that did not pass, see [Document.Explain]
	Checks    map[string]About `json:"checks,omitempty"`
	Results   []Result         `json:"results"`
}

// Exit codes of the command. Never a count.
const (
	ExitOK          = 0
	ExitVerdicts    = 1 // fail, stale waiver
	ExitUsage       = 2 // usage, configuration or scenario file
	ExitHarness     = 3 // the harness failed, or a result is invalid
	ExitNothing     = 4 // nothing was selected
	ExitInterrupted = 130
)

// Fold counts results into a document.
func Fold(seed int64, started time.Time, elapsed time.Duration, results []Result) Document {
	d := Document{Version: 1, Seed: seed, Started: started, Elapsed: MillisOf(elapsed), Results: results, Summary: map[Verdict]int{}}
	for _, v := range Verdicts() {
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

// ExitCode is what the document says to a CI: 0 only when at least one variant
// passed, nothing that counts failed, nothing was invalid and nothing is missing.
func (d Document) ExitCode(strict bool) int {
	switch {
	case d.Stopped == "interrupted":
		return ExitInterrupted
	case len(d.Problems) > 0 || d.Summary[Invalid] > 0:
		return ExitHarness
	case d.anyRed(strict) || d.Rounds.changed():
		return ExitVerdicts
	case d.Summary[Pass]+d.Summary[Waived] == 0:
		return ExitNothing
	}
	return ExitOK
}

// With returns the document with other results, counted.
func (d Document) With(results []Result) Document {
	counted := Fold(d.Seed, d.Started, 0, results)
	d.Results, d.Summary = counted.Results, counted.Summary
	return d
}

func (d Document) anyRed(strict bool) bool {
	for _, r := range d.Results {
		if r.Red(strict) {
			return true
		}
	}
	return false
}
