package explore

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
)

// yamlPattern writes what is expected: bytes, or an expression where some of them may
// differ.
func yamlPattern(p dialogue.Pattern, volatile []*regexp.Regexp) string {
	if literal, ok := p.LiteralBytes(); ok && !matchesAny(literal, volatile) {
		return dialogue.FormatBytes(literal)
	}
	var all strings.Builder
	all.WriteString("(?s)")
	for _, e := range p {
		switch {
		case e.Any:
			all.WriteString(`.+`)
		case e.Regex != nil:
			fmt.Fprintf(&all, `(?:%s)`, e.Regex)
		default:
			all.WriteString(quotePattern(e.SentBytes, volatile))
		}
	}
	return fmt.Sprintf("{regex: %s}", dialogue.FormatText(all.String()))
}

func matchesAny(b []byte, volatile []*regexp.Regexp) bool {
	for _, re := range volatile {
		if re.Match(b) {
			return true
		}
	}
	return false
}

// quotePattern quotes bytes for an expression, with the volatile ones as they may be.
func quotePattern(b []byte, volatile []*regexp.Regexp) string {
	for _, re := range volatile {
		at := re.FindIndex(b)
		if at == nil || at[0] == at[1] {
			continue
		}
		return quotePattern(b[:at[0]], volatile) + "(?:" + re.String() + ")" + quotePattern(b[at[1]:], volatile)
	}
	return regexp.QuoteMeta(string(b))
}
