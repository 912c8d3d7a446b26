package dialogue

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FormatText writes a string as YAML in double quotes.
func FormatText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r == 0xFEFF || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// FormatBytes writes bytes as files of the harness take them: text where people can read
// all of it, else hex.
func FormatBytes(b []byte) string {
	unreadable := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t' }
	if !utf8.Valid(b) || bytes.ContainsFunc(b, unreadable) {
		return fmt.Sprintf(`{hex: "%s"}`, hex.EncodeToString(b))
	}
	return FormatText(strings.ReplaceAll(string(b), "${", "$${"))
}
