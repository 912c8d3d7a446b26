package dialogue

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/plural"
)

const (
	rowBytes  = 16
	rowsAfter = 3 // rows shown after that of the first difference; one is shown before
	quoted    = 60
)

// quoteText returns bytes as text with escapes, a long run without its middle.
func quoteText(b []byte) string {
	if len(b) <= quoted {
		return quoteBytes(b)
	}
	return fmt.Sprintf("%s … %s (%s)", quoteBytes(b[:quoted-20]), quoteBytes(b[len(b)-16:]), plural.Count(len(b), "byte"))
}

func quoteBytes(b []byte) string {
	if utf8.Valid(b) {
		return strconv.Quote(string(b))
	}
	var s strings.Builder
	for _, c := range b {
		if c >= utf8.RuneSelf {
			fmt.Fprintf(&s, `\x%02x`, c)
			continue
		}
		q := strconv.Quote(string(rune(c)))
		s.WriteString(q[1 : len(q)-1])
	}
	return `"` + s.String() + `"`
}

// DescribeDifference tells where two byte strings part: the offset, both as text, and
// rows of hex and ASCII around the place.
func DescribeDifference(want, got []byte) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "at byte %d (%s, want %d)\n  want %s\n  got  %s\n", at, plural.Count(len(got), "byte"), len(want), quoteText(want), quoteText(got))
	writeDiff(&b, want, got, at, 0)
	return strings.TrimRight(b.String(), "\n")
}

// writeDiff writes rows of hex and ASCII around offset at, want above got where
// they differ. base is the stream offset of the first byte.
func writeDiff(b *strings.Builder, want, got []byte, at int, base int64) {
	from := max(0, at/rowBytes-1) * rowBytes
	to := (at/rowBytes + 1 + rowsAfter) * rowBytes
	if from > 0 {
		fmt.Fprintf(b, "  … %s before\n", plural.Count(from, "byte"))
	}
	for row := from; row < to; row += rowBytes {
		w, g := sliceFrom(want, row), sliceFrom(got, row)
		switch {
		case w == nil && g == nil:
			return
		case string(w) == string(g):
			writeRow(b, ' ', base+int64(row), g)
			continue
		}
		if w != nil {
			writeRow(b, '-', base+int64(row), w)
		}
		if g != nil {
			writeRow(b, '+', base+int64(row), g)
		}
	}
	if rest := max(len(want), len(got)) - to; rest > 0 {
		fmt.Fprintf(b, "  … %s after\n", plural.Count(rest, "byte"))
	}
}

func sliceFrom(b []byte, from int) []byte {
	if from >= len(b) {
		return nil
	}
	return b[from:min(len(b), from+rowBytes)]
}

func writeRow(b *strings.Builder, mark byte, offset int64, row []byte) {
	hex := fmt.Sprintf("% x", row)
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, decodeLatin1(row))
	fmt.Fprintf(b, "  %c %08x  %-47s  |%s|\n", mark, offset, hex, text)
}

// decodeLatin1 makes one character of each byte, so that none is joined with its
// neighbour.
func decodeLatin1(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}
