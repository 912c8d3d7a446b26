package capture

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// findVolatile compares the turns of several conversations of the same shape, and returns
// expressions for what differs in what the server says. any are the turns of which only
// the number of messages is the same. unmasked says what differs beside that.
func findVolatile(all []Conversation, f dialogue.Framing) (masks, unmasked []string, any map[int]int) {
	first := all[0]
	any = map[int]int{}
	for n, c := range all[1:] {
		if len(c.Turns) != len(first.Turns) {
			unmasked = append(unmasked, fmt.Sprintf("conversation %d has %s, the first one %d", n+2, plural.Count(len(c.Turns), "turn"), len(first.Turns)))
			continue
		}
		for i, t := range c.Turns {
			if t.Direction != event.Downstream || bytes.Equal(t.Bytes, first.Turns[i].Bytes) {
				continue
			}
			m, ok := maskTexts(first.Turns[i].Bytes, t.Bytes)
			if n := sameMessages(f, first.Turns[i].Bytes, t.Bytes); !ok && n > 0 {
				any[i] = n
				continue
			}
			if !ok {
				at := dialogue.CommonPrefix(first.Turns[i].Bytes, t.Bytes)
				unmasked = append(unmasked, fmt.Sprintf("turn %d of conversation %d differs from the first one, at byte %d: %q, and %q before", i+1, n+2,
					at, clip(t.Bytes[at:]), clip(first.Turns[i].Bytes[at:])))
			}
			masks = append(masks, m...)
		}
	}
	slices.Sort(masks)
	return slices.Compact(masks), unmasked, any
}

// sameMessages returns of how many messages both are, 0 where that is not the same.
func sameMessages(f dialogue.Framing, a, b []byte) int {
	if f.Kind == dialogue.None {
		return 0
	}
	n, ok := wholeMessages(f, a, false, map[int]bool{})
	m, also := wholeMessages(f, b, false, map[int]bool{})
	if !ok || !also || n != m {
		return 0
	}
	return n
}

func clip(b []byte) []byte { return b[:min(len(b), 24)] }

// maskTexts compares two texts line by line. The expression for a line that differs
// begins with what both have in common, up to the word that differs.
func maskTexts(a, b []byte) (masks []string, ok bool) {
	left, right := strings.SplitAfter(string(a), "\n"), strings.SplitAfter(string(b), "\n")
	if len(left) != len(right) {
		return nil, false
	}
	for i := range left {
		if left[i] == right[i] {
			continue
		}
		n := dialogue.CommonPrefix([]byte(left[i]), []byte(right[i]))
		for n > 0 && isWord(left[i][n-1]) {
			n--
		}
		head := left[i][:n]
		if n < 2 || strings.ContainsFunc(head, func(r rune) bool { return r < ' ' || r > '~' }) {
			return masks, false
		}
		masks = append(masks, regexp.QuoteMeta(head)+`[^\r\n]*`)
	}
	return masks, true
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-'
}
