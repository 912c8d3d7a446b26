package dialogue

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/strictyaml"
)

// ParseFraming reads a framing as YAML has it, or with = instead of the colon: "line",
// "line: crlf", "length-prefix: {bytes: 4}", "length-prefix=4", "fixed=64", "http".
func ParseFraming(text string) (Framing, error) {
	n, err := strictyaml.ParseText("framing", []byte(framingYAML(text)))
	if err != nil {
		return Framing{}, err
	}
	var dec strictyaml.Decoder
	f := Reader{Decoder: &dec}.ReadFraming(n)
	return f, dec.Err()
}

// framingYAML returns the text of a flag as YAML.
func framingYAML(text string) string {
	if name, value, assigned := strings.Cut(text, "="); assigned && !strings.Contains(name, ":") {
		return name + ": " + value
	}
	return text
}

// Text returns the framing as [ParseFraming] reads it.
func (f Framing) Text() string {
	f.client, f.bodiless = false, 0
	for _, named := range namedFramings() {
		if f == named.framing {
			return named.name
		}
	}
	var fields []string
	add := func(given bool, format string, args ...any) {
		if given {
			fields = append(fields, fmt.Sprintf(format, args...))
		}
	}
	switch f.Kind {
	case Line:
		if f.EitherEnd {
			return "line: either"
		}
		return "line: crlf"
	case Fixed:
		return fmt.Sprintf("fixed: %d", f.Size)
	case Markers:
		add(f.Start != "", "start: {hex: \"%x\"}", f.Start)
		add(true, "end: {hex: \"%x\"}", f.End)
	case ASCIILength:
		add(f.Bytes > 0, "digits: %d", f.Bytes)
		add(f.End != "", "end: {hex: \"%x\"}", f.End)
		add(f.Base != 10, "base: %d", f.Base)
		add(f.Counts != CountsPayload, "counts: %s", f.Counts)
		add(f.Trailer != "", "trailer: {hex: \"%x\"}", f.Trailer)
	case LengthPrefix, Varint:
		add(true, "bytes: %d", f.Bytes)
		add(f.Offset > 0, "offset: %d", f.Offset)
		add(f.Header > 0, "header: %d", f.Header)
		add(f.LittleEndian, "order: little")
		add(f.Counts != CountsPayload, "counts: %s", f.Counts)
	default:
		return f.Kind.String() // with another maximum than the named one
	}
	add(f.Max > 0, "max: %d", f.Max)
	return fmt.Sprintf("%s: {%s}", f.Kind, strings.Join(fields, ", "))
}
