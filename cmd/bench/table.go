package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A table collects the values of each row by system.
type table struct {
	systems []system
	lines   []*line
}

// A line is one line of the table: a row, or one of several that a row measures.
type line struct {
	name   string
	row    row
	values map[string][]float64
}

func newTable(systems []system) *table { return &table{systems: systems} }

// add keeps what a row has measured in one round, one value for each of its parts.
func (t *table) add(r row, s system, values []float64) {
	for i, v := range values {
		name := r.name
		if len(r.parts) > 0 {
			name += " " + r.parts[i]
		}
		l := t.line(name, r)
		l.values[s.name] = append(l.values[s.name], v)
	}
}

func (t *table) line(name string, r row) *line {
	for _, l := range t.lines {
		if l.name == name {
			return l
		}
	}
	l := &line{name: name, row: r, values: map[string][]float64{}}
	t.lines = append(t.lines, l)
	return l
}

// print writes a line per row, in Markdown: the medians, and how many times as
// good as each of the others ours is.
func (t *table) print(w io.Writer, rounds int) error {
	head, rule := []string{fmt.Sprintf("median of %d rounds", rounds)}, []string{"---"}
	for _, s := range t.systems {
		head, rule = append(head, s.name), append(rule, "---:")
	}
	for _, s := range t.systems[2:] {
		head, rule = append(head, "better than "+s.name), append(rule, "---:")
	}
	cells := [][]string{head, rule}
	for _, l := range t.lines {
		cells = append(cells, l.cells(t.systems))
	}
	for _, c := range cells {
		if _, err := fmt.Fprintln(w, "| "+strings.Join(c, " | ")+" |"); err != nil {
			return err
		}
	}
	return nil
}

func (l *line) cells(systems []system) []string {
	cells := []string{l.name}
	for _, s := range systems {
		cell := "–"
		if values := l.values[s.name]; len(values) > 0 {
			cell = fmt.Sprintf("%.*f", l.row.digits, median(values))
		}
		cells = append(cells, cell)
	}
	for _, s := range systems[2:] {
		cells = append(cells, l.ratio(s))
	}
	return cells
}

// ratio says how much better ours is: above 1 is better, whatever is measured.
func (l *line) ratio(other system) string {
	ours, theirs := median(l.values[ourName]), median(l.values[other.name])
	if ours <= 0 || theirs <= 0 || l.row.better == "" {
		return "–"
	}
	if l.row.better == "less" {
		return fmt.Sprintf("%.2f×", theirs/ours)
	}
	return fmt.Sprintf("%.2f×", ours/theirs)
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the value below which the given share of values is.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(share*float64(len(sorted)-1)+0.5)]
}
