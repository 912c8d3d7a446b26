package report

import (
	"strings"
	"unicode/utf8"
)

// table adds rows in columns: the first one to the left, the others to the right. The
// first row is the heading.
func (p *textWriter) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		st := plain
		if n == 0 {
			st = dim
		}
		p.addLine(span{st, strings.TrimRight(b.String(), " ")})
	}
}
