package waiver

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
)

// Changes tells what an update has done to a file.
type Changes struct {
	Added   []Waiver // their reasons are still to be written
	Dropped []Waiver // entries that matched nothing red any more
}

// IsEmpty reports whether the file stays as it is.
func (c Changes) IsEmpty() bool { return len(c.Added)+len(c.Dropped) == 0 }

// UpdateWith returns the file with an entry for each scenario, target and check
// that turns the run red and that no entry speaks of, and without the entries
// that are stale or match nothing. The reasons of new entries are empty, which
// [LoadFile] refuses until somebody has written them. Everything else of the text
// is left as it was: comments, order, layout. A comment directly above an entry
// goes with it. Expired entries stay: only a person can decide on them.
//
// The document must be the one before [File.ApplyTo]. Of next, Waivers are those
// that hold: what was added does not. An error means that the text is laid out
// in a way that cannot be edited, and says what to do.
func (f File) UpdateWith(d outcome.Run, s Scope, strict bool) (next File, changes Changes, err error) {
	drop := map[int]bool{}
	for i, finding := range f.judgeAll(d, s) {
		if finding.state == stale || finding.state == unmatched {
			drop[i] = true
			changes.Dropped = append(changes.Dropped, finding.Waiver)
		}
	}
	entries := f.missingEntries(d, strict)
	for _, e := range entries {
		changes.Added = append(changes.Added, e.Waiver)
	}
	if changes.IsEmpty() {
		return f, changes, nil
	}
	text, err := f.editText(drop, entries)
	if err != nil {
		return f, Changes{}, err
	}
	next, err = parseText(f.Path, text, true)
	if err != nil || !f.isConsistent(next, drop, changes.Added) {
		return f, Changes{}, fmt.Errorf("%s: the file cannot be edited without losing comments; write one entry per block, indented below the key %q", f.Path, "waivers")
	}
	next.Waivers = next.Waivers[:len(next.Waivers)-len(entries)]
	return next, changes, nil
}

// isConsistent checks that next holds what it has to, in order, and nothing else.
func (f File) isConsistent(next File, drop map[int]bool, added []Waiver) bool {
	var want []Waiver
	for i, w := range f.Waivers {
		if !drop[i] {
			want = append(want, w)
		}
	}
	return slices.EqualFunc(append(want, added...), next.Waivers, func(a, b Waiver) bool {
		a.Line, a.column, b.Line, b.column = 0, 0, 0, 0
		return a == b
	})
}

// An entry is a waiver to be added, with what it is about for those who read it.
type entry struct {
	Waiver
	message string
}

// missingEntries returns the entries for what is red and spoken of by none, in order.
func (f File) missingEntries(d outcome.Run, strict bool) []entry {
	var entries []entry
	for _, r := range d.Results {
		w := Waiver{Scenario: literalPattern(r.Scenario), Target: literalPattern(r.Target), Check: literalPattern(checkName(r))}
		known := slices.ContainsFunc(f.Waivers, func(w Waiver) bool { return w.waivesResult(r) }) ||
			slices.ContainsFunc(entries, func(e entry) bool { return e.Waiver == w })
		if isFailing(r) && r.TurnsRed(strict) && !known {
			entries = append(entries, entry{w, r.Message})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Compare(a.Target, b.Target)
	})
	return entries
}
