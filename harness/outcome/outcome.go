// Package outcome holds what a run found: verdicts, results and the document
// they add up to. Reports are rendered from it and from nothing else.
//
//	run := outcome.FoldResults(seed, started, time.Since(started), results)
//	os.Exit(run.ExitCode(false))
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
	return slices.Index(AllLevels(), l) <= slices.Index(AllLevels(), m)
}

// AllLevels lists the levels from the most to the least costly.
func AllLevels() []Level { return []Level{Must, Should, May, Info} }

// A Verdict is what a scenario's variant came to on a target.
type Verdict string

// The verdicts.
const (
	Pass        Verdict = "pass"
	Fail        Verdict = "fail"
	Flaky       Verdict = "flaky"       // failed, and passed when it was run again
	Blocked     Verdict = "blocked"     // fails without any fault
	Invalid     Verdict = "invalid"     // the fault never struck, or the harness failed
	Unsupported Verdict = "unsupported" // cannot be done to this target or on this machine
	Waived      Verdict = "waived"      // fails, and a waiver says so
	Stale       Verdict = "stale"       // passes, and a waiver says that it fails
)

// AllVerdicts lists the verdicts in the order of reports.
func AllVerdicts() []Verdict {
	return []Verdict{Pass, Fail, Flaky, Blocked, Invalid, Unsupported, Waived, Stale}
}

// Endings tells how the conversation ended as each side saw it.
type Endings struct {
	Client event.Ending `json:"client"` // as the client saw it
	Server event.Ending `json:"server"` // as the server saw it
}

// A Result is the verdict on one variant of one scenario on one target.
type Result struct {
	Target   string        `json:"target"`                                                                                                                    // name of the target
	Scenario string        `json:"scenario"`                                                                                                                  // id of the scenario: topic/name
	Variant  string        `json:"variant,omitempty"`                                                                                                         // name of the variant; empty: the only one
	Check    string        `json:"check,omitempty" jsonschema:"description=The default oracle that this is about; absent: what the scenario itself expects."` // the default oracle that this is about; empty: what the scenario itself expects
	Level    Level         `json:"level" jsonschema:"description=What a violation costs."`
	Verdict  Verdict       `json:"verdict"`                                                                                                // what came of it
	State    State         `json:"state,omitempty" jsonschema:"description=Of a red result that was compared with a baseline."`            // of a red result that was compared with a baseline
	Elapsed  Millis        `json:"elapsed_ms"`                                                                                             // time of the variant, with its confirmation
	Message  string        `json:"message,omitempty" jsonschema:"description=Why it is not a pass."`                                       // why it is not a pass
	Cause    string        `json:"cause,omitempty" jsonschema:"description=What failures of one bug have in common."`                      // what failures of one bug have in common: "first wrong byte \"E\""; empty: only the message tells
	Notes    []string      `json:"notes,omitempty" jsonschema:"description=How the fault was applied and what is unverified."`             // how the fault was applied, what is unverified
	Remarks  []Remark      `json:"remarks,omitempty" jsonschema:"description=What the target does not declare and would count if it did."` // what the target does not declare, and would count if it did
	Replay   string        `json:"replay,omitempty" jsonschema:"description=The command that runs the variant again."`
	Captures []string      `json:"captures,omitempty" jsonschema:"description=pcapng files of the run that failed and of the last one that was to confirm it."` // pcapng files: of the run that failed, and of the last one that was to confirm it
	Share    *Confirmation `json:"share,omitempty" jsonschema:"description=Of the confirming runs."`                                                            // of the confirming runs
	Ending   Endings       `json:"ending" jsonschema:"description=How the conversation ended as each side saw it."`
	First    *FirstEnd     `json:"first_end,omitempty" jsonschema:"description=Who ended the first connection first."`
	Stderr   string        `json:"stderr,omitempty" jsonschema:"description=The last lines of the process under test."` // tail of the process under test
	Events   []event.Event `json:"events,omitempty" jsonschema:"description=What happened in order."`
	Control  []event.Event `json:"control,omitempty" jsonschema:"description=The events of the conversation without the fault; in files they are in controls."` // what the conversation without the fault looked like; see [Run.LiftControls]
}

// IsScenarioWide reports whether the result is about a scenario as a whole and not about
// one of its variants: a check of what all of them left.
func (r Result) IsScenarioWide() bool { return r.Check != "" && r.Variant == "" }

// TurnsRed reports whether the result turns the run red: a level that counts and a
// verdict that is neither a pass nor out of the scenario's reach, and not one that the
// baseline has too.
func (r Result) TurnsRed(strict bool) bool {
	if r.State == Ongoing {
		return false
	}
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

// ToDuration converts back.
func (m Millis) ToDuration() time.Duration {
	return time.Duration(float64(m) * float64(time.Millisecond))
}

// A Confirmation tells in how many of the runs that were to confirm a failure it was
// seen again.
type Confirmation struct {
	Failed int `json:"failed"` // runs that failed
	Runs   int `json:"runs"`   // runs in all
}

// A FirstEnd tells who ended the first connection first, and how.
type FirstEnd struct {
	Side   event.Side   `json:"side"`   // client, server, or proxy where a fault of ours did
	Ending event.Ending `json:"ending"` // how it ended
	At     Millis       `json:"at_ms"`  // since the start of the variant
}
