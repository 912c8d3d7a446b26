package strictyaml

import (
	"bytes"
	"errors"
	"strings"
)

// FormatExcerpt returns the errors, one after the other, each with its line of the file
// and a caret below the place. source returns the text of a file, nil where there
// is none.
func FormatExcerpt(err error, source func(file string) []byte) string {
	var all Errors
	if !errors.As(err, &all) {
		all = flattenErrors(err)
	}
	var out []string
	for _, e := range all {
		out = append(out, e.Error())
		if line, ok := lineOf(source(e.File), e.Line); ok {
			out = append(out, "  "+line, "  "+caretLine(line, e.Column))
		}
	}
	return strings.Join(out, "\n")
}

// longestLine is how much of a line is shown.
const longestLine = 160

func lineOf(text []byte, n int) (string, bool) {
	lines := bytes.SplitN(text, []byte("\n"), n+1)
	if n < 1 || len(lines) < n || len(text) == 0 {
		return "", false
	}
	line := []rune(strings.ToValidUTF8(strings.TrimRight(string(lines[n-1]), "\r"), "?"))
	return string(line[:min(len(line), longestLine)]), true
}

// caretLine points at a column. Tabs stay tabs, so that it stands where it should.
func caretLine(line string, column int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= column-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String() + "^"
}
