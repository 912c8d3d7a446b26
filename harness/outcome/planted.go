package outcome

import "strings"

// ByCheck begins what is planted in a deliberately broken program when a default oracle
// is to find it, in whatever scenario: check:NAME. Else it is the id of a scenario.
const ByCheck = "check:"

// ConcernsPlanted reports whether the result is about what is to find a planted bug.
func (r Result) ConcernsPlanted(planted string) bool {
	check, is := strings.CutPrefix(planted, ByCheck)
	return planted != "" && (is && r.Check == check || !is && r.Scenario == planted)
}

// FindsPlanted reports whether the result is the finding that is meant for a planted bug,
// which may be one that only --strict makes red.
func (r Result) FindsPlanted(planted string) bool {
	return r.ConcernsPlanted(planted) && r.Verdict == Fail && r.TurnsRed(true)
}
