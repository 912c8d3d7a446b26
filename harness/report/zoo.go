package report

import (
	"cmp"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
)

// A Program is a target of a zoo: one with a bug that was planted, or a correct
// one.
type Program struct {
	Name    string // name of the target
	Planted string // the scenario that must find the bug, or check:NAME; empty: there is none
}

// A cellMark is a cell of the matrix.
type cellMark rune

// The marks, from the least to the most telling.
const (
	notPlayed      cellMark = ' '
	notSupported   cellMark = '-'
	isWaived       cellMark = 'w'
	passes         cellMark = '·'
	failsBelow     cellMark = 'i'
	failsToo       cellMark = 'F'
	isBlocked      cellMark = 'b'
	isFlaky        cellMark = 'f'
	falseAlarm     cellMark = '!'
	isInvalid      cellMark = '?'
	failsAsPlanted cellMark = 'P'
	missed         cellMark = 'M'
)

var marks = []cellMark{notPlayed, notSupported, isWaived, passes, failsBelow, failsToo, isBlocked, isFlaky, falseAlarm, isInvalid, failsAsPlanted, missed}

func worseMark(a, b cellMark) cellMark {
	if slices.Index(marks, a) > slices.Index(marks, b) {
		return a
	}
	return b
}

func (p Program) markOf(r outcome.Result, strict bool) cellMark {
	switch r.Verdict {
	case outcome.Pass:
		return passes
	case outcome.Unsupported:
		return notSupported
	case outcome.Waived:
		return isWaived
	case outcome.Flaky:
		return isFlaky
	case outcome.Blocked:
		return isBlocked
	case outcome.Fail:
		return p.failureMark(r, strict)
	}
	return isInvalid
}

func (p Program) failureMark(r outcome.Result, strict bool) cellMark {
	switch {
	case r.FindsPlanted(p.Planted):
		return failsAsPlanted
	case !r.TurnsRed(strict):
		return failsBelow
	case p.Planted == "":
		return falseAlarm
	}
	return failsToo
}

// A Zoo is what a run came to on programs of which it is known whether they are
// broken, and how.
type Zoo struct {
	Planted, Found int       // how many bugs are planted, and how many were found
	Missed         []Program // the programs whose bug was not found
	Untested       []string  // correct programs on which nothing passed

	programs   []Program
	columns    []string // scenarios and checks that there is something about, in order
	cells      map[cell]cellMark
	unexpected []unexpected
}

type cell struct{ program, column string }

// An unexpected is a result that no program of a zoo should have.
type unexpected struct {
	outcome.Result
	mark cellMark
}

// JudgeZoo holds a document against what is known of the programs. Columns are
// the scenarios in the order in which they are shown. Found is a bug whose
// program fails, at level must or should, in the scenario or by the check it is
// planted for; a correct program must have no such failure. What is flaky,
// invalid or blocked is never as it should be, but that what is broken may fail by
// chance where its bug is not meant to be found, or in more variants than those in which it was.
func JudgeZoo(d outcome.Run, programs []Program, columns []string, strict bool) Zoo {
	z := Zoo{programs: programs, cells: map[cell]cellMark{}}
	for _, r := range d.Results {
		z.addResult(z.programNamed(r.Target), r, strict)
	}
	for _, p := range programs {
		z.judgeProgram(p)
	}
	z.chooseColumns(columns)
	return z
}

// addResult enters a result into its cells.
func (z *Zoo) addResult(p Program, r outcome.Result, strict bool) {
	m := p.markOf(r, strict)
	z.addMark(cell{r.Target, r.Scenario}, m)
	if r.Check != "" {
		z.addMark(cell{r.Target, outcome.ByCheck + r.Check}, m)
	}
	if m.isUnexpected() && !p.flakyByDesign(m, r) {
		z.unexpected = append(z.unexpected, unexpected{r, m})
	}
}

// flakyByDesign reports whether a broken program fails by chance, or in the control of a scenario,
// elsewhere than where its bug is meant to be found: it is a program that fails.
func (p Program) flakyByDesign(m cellMark, r outcome.Result) bool {
	return (m == isFlaky || m == isBlocked && r.Cause != "") && p.Planted != "" && !r.ConcernsPlanted(p.Planted)
}

// isUnexpected tells what no program of a zoo should come to.
func (m cellMark) isUnexpected() bool {
	return m == isFlaky || m == falseAlarm || m == isInvalid || m == isBlocked
}

// programNamed returns the program of that name; one that is not known is correct.
func (z Zoo) programNamed(name string) Program {
	for _, p := range z.programs {
		if p.Name == name {
			return p
		}
	}
	return Program{Name: name}
}

func (z Zoo) markAt(c cell) cellMark {
	if m, known := z.cells[c]; known {
		return m
	}
	return notPlayed
}

func (z *Zoo) addMark(c cell, m cellMark) { z.cells[c] = worseMark(z.markAt(c), m) }

// judgeProgram judges a program by its cells.
func (z *Zoo) judgeProgram(p Program) {
	passed := false
	for c, m := range z.cells {
		passed = passed || c.program == p.Name && m == passes
	}
	planted := cell{p.Name, p.Planted}
	switch {
	case p.Planted == "" && !passed:
		z.Untested = append(z.Untested, p.Name)
	case p.Planted == "":
	case z.markAt(planted) == failsAsPlanted:
		z.Planted++
		z.Found++
	default:
		z.Planted++
		z.Missed = append(z.Missed, p)
		z.cells[planted] = missed
	}
	if z.markAt(planted) == failsAsPlanted { // a race that is found at one offset may be lost at another
		z.unexpected = slices.DeleteFunc(z.unexpected, func(s unexpected) bool { return s.Target == p.Name && s.mark == isFlaky })
	}
}

// chooseColumns keeps the columns that there is something in, and adds the checks.
func (z *Zoo) chooseColumns(columns []string) {
	used := map[string]bool{}
	var rest []string
	for c := range z.cells {
		if !used[c.column] && !slices.Contains(columns, c.column) {
			rest = append(rest, c.column)
		}
		used[c.column] = true
	}
	slices.SortFunc(rest, func(a, b string) int {
		return cmp.Or(cmp.Compare(topicOf(a), topicOf(b)), cmp.Compare(a, b))
	})
	for _, column := range append(slices.Clone(columns), rest...) {
		if used[column] {
			z.columns = append(z.columns, column)
		}
	}
}

// countMark counts the scenarios, and the checks in them, that surprise in one way.
func (z Zoo) countMark(m cellMark) int {
	type place struct{ target, scenario, check string }
	seen := map[place]bool{}
	for _, s := range z.unexpected {
		if s.mark == m {
			seen[place{s.Target, s.Scenario, s.Check}] = true
		}
	}
	return len(seen)
}

// ExitCode is what the zoo says of the run: 0 only when every planted bug was
// found by what it was planted for and nothing else is unexpected.
func (z Zoo) ExitCode(d outcome.Run) int {
	odd := len(z.Missed) + len(z.Untested) + len(z.unexpected)
	switch {
	case d.Stopped == "interrupted":
		return outcome.ExitInterrupted
	case len(d.Problems) > 0 || d.Summary[outcome.Invalid] > 0:
		return outcome.ExitHarness
	case len(d.Results) == 0:
		return outcome.ExitNothing
	case odd > 0 || d.Stopped != "" || d.Rounds != nil && len(d.Rounds.Changed) > 0:
		return outcome.ExitVerdicts
	}
	return outcome.ExitOK
}
