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
	Dropped []Waiver
}

// None reports whether the file stays as it is.
func (c Changes) None() bool { return len(c.Added)+len(c.Dropped) == 0 }

// Update returns the file with an entry for each scenario, target and check
// that turns the run red and that no entry speaks of, and without the entries
// that are stale or match nothing. The reasons of new entries are empty, which
// [Load] refuses until somebody has written them. Everything else of the text
// is left as it was: comments, order, layout. A comment directly above an entry
// goes with it. Expired entries stay: only a person can decide on them.
//
// The document must be the one before [File.Apply]. Of next, Waivers are those
// that hold: what was added does not. An error means that the text is laid out
// in a way that cannot be edited, and says what to do.
func (f File) Update(d outcome.Document, s Scope, strict bool) (next File, changes Changes, err error) {
	drop := map[int]bool{}
	for i, finding := range f.judge(d, s) {
		if finding.state == stale || finding.state == unmatched {
			drop[i] = true
			changes.Dropped = append(changes.Dropped, finding.Waiver)
		}
	}
	entries := f.missing(d, strict)
	for _, e := range entries {
		changes.Added = append(changes.Added, e.Waiver)
	}
	if changes.None() {
		return f, changes, nil
	}
	text, err := f.edit(drop, entries)
	if err != nil {
		return f, Changes{}, err
	}
	next, err = parse(f.Path, text, true)
	if err != nil || !f.kept(next, drop, changes.Added) {
		return f, Changes{}, fmt.Errorf("%s: its layout cannot be edited without loss; write each entry as a block of its own, indented below waivers:", f.Path)
	}
	next.Waivers = next.Waivers[:len(next.Waivers)-len(entries)]
	return next, changes, nil
}

// kept checks that next holds what it has to, in order, and nothing else.
func (f File) kept(next File, drop map[int]bool, added []Waiver) bool {
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

// missing returns the entries for what is red and spoken of by none, in order.
func (f File) missing(d outcome.Document, strict bool) []entry {
	var entries []entry
	for _, r := range d.Results {
		w := Waiver{Scenario: literal(r.Scenario), Target: literal(r.Target), Check: literal(checkName(r))}
		known := slices.ContainsFunc(f.Waivers, func(w Waiver) bool { return w.waives(r) }) ||
			slices.ContainsFunc(entries, func(e entry) bool { return e.Waiver == w })
		if failing(r) && r.Red(strict) && !known {
			entries = append(entries, entry{w, r.Message})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Compare(a.Target, b.Target)
	})
	return entries
}
