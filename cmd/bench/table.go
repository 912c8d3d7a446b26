package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A table collects the values of each row by system.
type table struct {
	systems []system
	lines   []*line
}

// A line is one part of a row.
type line struct {
	name   string
	part   part
	values map[string][]float64 // by system, one for each round; NaN: none
}

func newTable(systems []system) *table { return &table{systems: systems} }

// addValues keeps what a row has measured in one round, one value for each of its parts.
func (t *table) addValues(r row, s system, round int, values []float64) {
	for i, v := range values {
		l := t.lineFor(r.name+" "+r.parts[i].name, r.parts[i])
		for len(l.values[s.name]) < round {
			l.values[s.name] = append(l.values[s.name], math.NaN())
		}
		l.values[s.name] = append(l.values[s.name], v)
	}
}

func (t *table) lineFor(name string, p part) *line {
	for _, l := range t.lines {
		if l.name == name {
			return l
		}
	}
	l := &line{name: name, part: p, values: map[string][]float64{}}
	t.lines = append(t.lines, l)
	return l
}

// printTables writes in Markdown a line for each thing measured: the medians, and then
// what ours is of each of the others, round by round.
func (t *table) printTables(w io.Writer, rounds int) error {
	medians := [][]string{{fmt.Sprintf("median of %d rounds", rounds)}, {"---"}}
	ratios := [][]string{{"median (quartiles) of the ratios in a round"}, {"---"}}
	for _, s := range t.systems {
		medians[0], medians[1] = append(medians[0], s.name), append(medians[1], "---:")
		if isOther(s) {
			ratios[0], ratios[1] = append(ratios[0], ourName+" ÷ "+s.name), append(ratios[1], "---:")
		}
	}
	ratios[0], ratios[1] = append(ratios[0], "target"), append(ratios[1], "---")
	for _, l := range t.lines {
		medians, ratios = append(medians, l.medianCells(t.systems)), append(ratios, l.ratioCells(t.systems))
	}
	for _, cells := range slices.Concat(medians, [][]string{nil}, ratios) {
		text := ""
		if cells != nil {
			text = "| " + strings.Join(cells, " | ") + " |"
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}

// isOther reports whether ours is compared with the system.
func isOther(s system) bool { return s.name != directName && s.name != ourName }

func (l *line) medianCells(systems []system) []string {
	cells := []string{l.name}
	for _, s := range systems {
		cell := "–"
		if values := present(l.values[s.name]); len(values) > 0 {
			cell = fmt.Sprintf("%.*f", l.part.digits, medianOf(values))
			if l.part.spread {
				cell += fmt.Sprintf(" (%.*f–%.*f)", l.part.digits, quantileOf(values, 0.25), l.part.digits, quantileOf(values, 0.75))
			}
		}
		cells = append(cells, cell)
	}
	return cells
}

func (l *line) ratioCells(systems []system) []string {
	better := " (more is better)"
	if l.part.less {
		better = " (less is better)"
	}
	cells := []string{l.name + better}
	for _, s := range systems {
		if isOther(s) {
			cells = append(cells, l.ratioCell(s))
		}
	}
	return append(cells, targets[l.name])
}

// ratioCell says what ours is of the other's.
func (l *line) ratioCell(other system) string {
	ours, theirs := l.values[ourName], l.values[other.name]
	var ratios []float64
	for i := range min(len(ours), len(theirs)) {
		if ours[i] > 0 && theirs[i] > 0 {
			ratios = append(ratios, ours[i]/theirs[i])
		}
	}
	if len(ratios) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", medianOf(ratios), quantileOf(ratios, 0.25), quantileOf(ratios, 0.75))
}

func present(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

func medianOf(values []float64) float64 { return quantileOf(values, 0.5) }

// quantileOf returns the value below which the given share of values is.
func quantileOf(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(share*float64(len(sorted)-1)+0.5)]
}
