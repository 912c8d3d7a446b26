package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/plural"
)

// longestLine bounds, in bytes, what is shown of one line of a peer's making.
const longestLine = 2000

// escapeLine returns s as one line in which every rune is printable: tabs become
// spaces, everything else that is not printable is escaped as Go would.
func escapeLine(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteString("    ")
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

// cleanLine escapes s and cuts what is too long.
func cleanLine(s string) string {
	if len(s) <= longestLine {
		return escapeLine(s)
	}
	n := longestLine
	for n > longestLine-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%s)", escapeLine(s[:n]), plural.Count(len(s)-n, "more byte"))
}

// cleanLines splits s into lines and cleans each. Empty lines at the end are
// dropped.
func cleanLines(s string) []string {
	s = strings.TrimRight(s, "\r\n")
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = cleanLine(strings.TrimSuffix(line, "\r"))
	}
	return lines
}

// cleanText cleans s and keeps its lines.
func cleanText(s string) string { return strings.Join(cleanLines(s), "\n") }

// cleanFirst returns the first line of s, cleaned.
func cleanFirst(s string) string { return cleanLine(excerpt.FirstLine(s)) }

// headLines returns the first n lines and says how many are missing.
func headLines(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n:n], fmt.Sprintf("… (%s)", plural.Count(len(lines)-n, "more line")))
}
