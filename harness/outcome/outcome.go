// Package outcome holds what a run found: verdicts, results and the document
// they add up to. Reports are rendered from it and from nothing else.
package outcome

import (
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A Level says what a violation costs.
type Level string

// The levels, from the most to the least costly.
const (
	Must   Level = "must"   // a violation turns the run red
	Should Level = "should" // red with --strict only
	May    Level = "may"    // reported
	Info   Level = "info"   // a legitimate design; reported so that nobody is surprised
)

// AtLeast reports whether a violation at level l costs as much as one at m, or more.
func (l Level) AtLeast(m Level) bool {
	return slices.Index(Levels(), l) <= slices.Index(Levels(), m)
}

// Levels lists the levels from the most to the least costly.
func Levels() []Level { return []Level{Must, Should, May, Info} }

// A Verdict is what a scenario's variant came to on a target.
type Verdict string

// The verdicts.
const (
	Pass        Verdict = "pass"
	Fail        Verdict = "fail"
	Flaky       Verdict = "flaky"       // failed, and passed when it was run again
	Blocked     Verdict = "blocked"     // fails without the fault too
	Invalid     Verdict = "invalid"     // the fault never struck, or the harness failed
	Unsupported Verdict = "unsupported" // cannot be done to this target or on this machine
	Waived      Verdict = "waived"      // fails, and a waiver says so
	Stale       Verdict = "stale"       // passes, and a waiver says that it fails
)

// Verdicts lists the verdicts in the order of reports.
func Verdicts() []Verdict {
	return []Verdict{Pass, Fail, Flaky, Blocked, Invalid, Unsupported, Waived, Stale}
}

// Endings tells how the conversation ended as each side saw it.
type Endings struct {
	Client event.Ending `json:"client"`
	Server event.Ending `json:"server"`
}

// A Result is the verdict on one variant of one scenario on one target.
type Result struct {
	Target   string        `json:"target"`
	Scenario string        `json:"scenario"`
	Variant  string        `json:"variant,omitempty"`
	Check    string        `json:"check,omitempty"` // the default oracle that this is about; empty: what the scenario itself expects
	Level    Level         `json:"level"`
	Verdict  Verdict       `json:"verdict"`
	Elapsed  Millis        `json:"elapsed_ms"`
	Message  string        `json:"message,omitempty"` // why it is not a pass
	Notes    []string      `json:"notes,omitempty"`   // how the fault was applied, what is unverified
	Replay   string        `json:"replay,omitempty"`
	Share    *Share        `json:"share,omitempty"` // of the confirming runs
	Ending   Endings       `json:"ending"`
	First    *FirstEnd     `json:"first_end,omitempty"`
	Stderr   string        `json:"stderr,omitempty"` // tail of the process under test
	Events   []event.Event `json:"events,omitempty"`
}

// Whole reports whether the result is about a scenario as a whole and not about
// one of its variants: a check of what all of them left.
func (r Result) Whole() bool { return r.Check != "" && r.Variant == "" }

// Red reports whether the result turns the run red: a level that counts and a
// verdict that is neither a pass nor out of the scenario's reach.
func (r Result) Red(strict bool) bool {
	counts := r.Level == Must || strict && r.Level == Should
	switch r.Verdict {
	case Fail, Flaky, Blocked:
		return counts
	case Stale:
		return true
	}
	return false
}

// Millis is a duration that is written as a number of milliseconds.
type Millis float64

// MillisOf converts d.
func MillisOf(d time.Duration) Millis { return Millis(float64(d.Microseconds()) / 1000) }

// Duration converts back.
func (m Millis) Duration() time.Duration {
	return time.Duration(float64(m) * float64(time.Millisecond))
}

// A Share tells in how many of the runs that were to confirm a failure it was
// seen again.
type Share struct {
	Failed int `json:"failed"`
	Runs   int `json:"runs"`
}

// A FirstEnd tells who ended the first connection first, and how.
type FirstEnd struct {
	Side   event.Side   `json:"side"` // client, server, or proxy where a fault of ours did
	Ending event.Ending `json:"ending"`
	At     Millis       `json:"at_ms"` // since the start of the variant
}
