package spec

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/plural"
)

// MaxText bounds a [Text], bytes. A request to the API has no more.
const MaxText = 1 << 20

// hexMark begins bytes that are written as hex digits, blanks between them or not.
const hexMark = "hex:"

// Text returns the bytes of a [Text].
func (s Settings) Text(name string) []byte {
	b, _ := decodeText(s[name].(string)) // it was read by readText
	return b
}

// readText reads bytes, and returns them as text: hex digits, unless they read
// back as they are. What Go gives as []byte is no hex digits.
func (a Attribute) readText(value any) (string, error) {
	var b []byte
	var err error
	switch v := value.(type) {
	case []byte:
		b = v
	case string:
		b, err = decodeText(v)
	case json.Number, bool:
		b = fmt.Append(nil, v) // text that looks like something else
	default:
		err = fmt.Errorf("must be text, got %v", value)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%s %w", a.Name, err)
	case int64(len(b)) > a.Max:
		return "", fmt.Errorf("%s must be at most %s, got %d", a.Name, plural.Count(a.Max, "byte"), len(b))
	case !utf8.Valid(b), strings.HasPrefix(string(b), hexMark):
		return hexMark + hex.EncodeToString(b), nil
	}
	return string(b), nil
}

// decodeText returns the bytes that a text stands for.
func decodeText(text string) ([]byte, error) {
	digits, marked := strings.CutPrefix(text, hexMark)
	if !marked {
		return []byte(text), nil
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		return nil, fmt.Errorf("must be pairs of hex digits after %s, got %q", hexMark, digits)
	}
	return b, nil
}
