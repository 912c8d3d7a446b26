// Package excerpt shows people a part of what is too long to be shown.
//
//	fmt.Errorf("want silence, got %s", excerpt.Quote(b))
//	fmt.Println(excerpt.FirstLine(err.Error()))
package excerpt

import (
	"fmt"
	"strings"
)

const (
	most    = 80 // bytes that Quote shows
	mostEnd = 40 // bytes that QuoteEnds shows of either end
)

// Quote quotes the beginning of b as Go does, and says how long the whole is.
func Quote[T ~string | ~[]byte](b T) string {
	if len(b) <= most {
		return fmt.Sprintf("%q", string(b))
	}
	return fmt.Sprintf("%q… (%d bytes)", string(b[:most]), len(b))
}

// QuoteEnds quotes the beginning and the end of b, and says how long the whole is.
func QuoteEnds[T ~string | ~[]byte](b T) string {
	if len(b) <= 2*mostEnd {
		return fmt.Sprintf("%q", string(b))
	}
	return fmt.Sprintf("%q … %q (%d bytes)", string(b[:mostEnd]), string(b[len(b)-mostEnd:]), len(b))
}

// Start returns at most n bytes of a text, with an ellipsis where it goes on.
func Start[T ~string | ~[]byte](text T, n int) string {
	if len(text) <= n {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:n]), "") + "…"
}

// FirstLine returns the first line of a text that is not empty, without blanks around it.
func FirstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}
