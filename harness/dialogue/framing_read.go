package dialogue

import (
	"fmt"
	"math"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A namedFraming is one that a word stands for.
type namedFraming struct {
	name    string
	framing Framing
}

// namedFramings are the framings that need no mapping.
func namedFramings() []namedFraming {
	return []namedFraming{
		{"line", Framing{Kind: Line}},
		{"until-eof", Framing{Kind: UntilEOF}},
		{"none", Framing{}},
		{"http", Framing{Kind: HTTP}},
		{"resp", Framing{Kind: RESP}},
		{"websocket", Framing{Kind: WebSocket}},
		{"content-length", Framing{Kind: ContentLength}},
		{"netstring", Framing{Kind: ASCIILength, Base: 10, End: ":", Trailer: ","}},
		{"mllp", Framing{Kind: Markers, Start: "\x0b", End: "\x1c\r"}},
		{"mqtt", Framing{Kind: Varint, Offset: 1, Bytes: 4}},
		{"modbus", Framing{Kind: LengthPrefix, Offset: 4, Bytes: 2, Header: 7, Counts: CountsRest}},
	}
}

// FramingNames returns the framings that a word stands for.
func FramingNames() []string {
	var names []string
	for _, n := range namedFramings() {
		names = append(names, n.name)
	}
	return names
}

// framingForms are the framings of a mapping with one key.
var framingForms = [...]string{"line", "length-prefix", "fixed", "markers", "varint", "ascii-length"}

// ReadFraming reads how messages are told apart.
func (r Reader) ReadFraming(n *strictyaml.Node) Framing {
	if n.Kind() != strictyaml.Map {
		return r.namedFraming(n)
	}
	switch key, v := r.SingleKnownKey(n, framingForms[:]...); key {
	case "line":
		end := r.OneOf(v, "lf", "crlf", "either")
		return Framing{Kind: Line, CRLF: end == "crlf", EitherEnd: end == "either"}
	case "length-prefix":
		return r.lengthPrefix(v)
	case "fixed":
		return Framing{Kind: Fixed, Size: int(r.IntBetween(v, 1, MaxBytes))}
	case "markers":
		return r.markers(v)
	case "varint":
		return r.varint(v)
	case "ascii-length":
		return r.asciiLength(v)
	}
	return Framing{}
}

// namedFraming reads a framing of one word. A word that needs a mapping is told so.
func (r Reader) namedFraming(n *strictyaml.Node) Framing {
	words := map[string][2]string{
		"length-prefix": {"the length-prefix has no number of bytes", "write {length-prefix: {bytes: 4}}"},
		"fixed":         {"the fixed framing has no number of bytes", "write {fixed: 64}"},
		"markers":       {"the markers framing has no end", `write {markers: {end: "\r\n.\r\n"}}`},
		"varint":        {"the varint framing has no place", "write {varint: {offset: 1}}"},
		"ascii-length":  {"the ascii-length has no number of digits", `write {ascii-length: {digits: 4}} or {ascii-length: {end: " "}}`},
	}
	choices := FramingNames()
	choices = append(choices, framingForms[1:]...)
	word := r.OneOf(n, choices...)
	if why, ok := words[word]; ok {
		r.ReportError(n, why[0], why[1])
		return Framing{}
	}
	for _, named := range namedFramings() {
		if named.name == word {
			return named.framing
		}
	}
	return Framing{}
}

func (r Reader) lengthPrefix(n *strictyaml.Node) Framing {
	f := Framing{Kind: LengthPrefix, Bytes: 4}
	if n.Kind() == strictyaml.Number {
		f.Bytes = int(r.IntBetween(n, 1, 8))
		return f
	}
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"bytes":  func(n *strictyaml.Node) { f.Bytes = int(r.IntBetween(n, 1, 8)) },
		"offset": func(n *strictyaml.Node) { f.Offset = int(r.IntBetween(n, 0, mostHeader)) },
		"header": func(n *strictyaml.Node) { f.Header = int(r.IntBetween(n, 1, mostHeader)) },
		"order":  func(n *strictyaml.Node) { f.LittleEndian = r.OneOf(n, "big", "little") == "little" },
		"counts": func(n *strictyaml.Node) { f.Counts = r.counts(n, countsNames[:]...) },
		"includes_header": func(n *strictyaml.Node) {
			if r.Bool(n) {
				f.Counts = CountsWhole
			}
		},
		"max": func(n *strictyaml.Node) { f.Max = r.ParseSize(n, math.MaxInt32) },
	}, "bytes")
	if both := n.GetKey("includes_header"); both != nil && n.GetKey("counts") != nil {
		r.ReportError(both, "counts says already what the length counts", "delete includes_header")
	}
	if f.Header > 0 && f.Header < f.Offset+f.Bytes {
		r.ReportError(n.GetKey("header"), fmt.Sprintf("the header has %s, and the length in it ends at byte %d", plural.Count(f.Header, "byte"), f.Offset+f.Bytes),
			"write the bytes of the whole header, the length included")
	}
	return f
}

// mostHeader is how long a header may be.
const mostHeader = 1024

func (r Reader) counts(n *strictyaml.Node, known ...string) Counts {
	text := r.OneOf(n, known...)
	for i, name := range countsNames {
		if name == text {
			return Counts(i)
		}
	}
	return CountsPayload
}

func (r Reader) markers(n *strictyaml.Node) Framing {
	f := Framing{Kind: Markers}
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"start": func(n *strictyaml.Node) { f.Start = r.marker(n) },
		"end":   func(n *strictyaml.Node) { f.End = r.marker(n) },
		"max":   func(n *strictyaml.Node) { f.Max = r.ParseSize(n, math.MaxInt32) },
	}, "end")
	return f
}

// mostMarker is how long the bytes may be that a message begins or ends with.
const mostMarker = 256

// marker reads bytes that do not change from message to message.
func (r Reader) marker(n *strictyaml.Node) string {
	before := r.ErrorCount()
	v := r.readValue(n)
	if r.ErrorCount() > before {
		return ""
	}
	var b []byte
	if n := v.maxSize(Framing{}, mostMarker); n <= mostMarker && v.isFixed() {
		b, _ = v.appendBytes(nil, Framing{}, nil, nil)
	}
	if len(b) == 0 || len(b) > mostMarker {
		r.ReportError(n, "the marker has no bytes, or bytes that change", fmt.Sprintf("write 1 to %d bytes, such as %q or {hex: 1c0d}", mostMarker, `\r\n`))
	}
	return string(b)
}

func (r Reader) varint(n *strictyaml.Node) Framing {
	f := Framing{Kind: Varint, Bytes: 10}
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"offset": func(n *strictyaml.Node) { f.Offset = int(r.IntBetween(n, 0, mostHeader)) },
		"bytes":  func(n *strictyaml.Node) { f.Bytes = int(r.IntBetween(n, 1, 10)) },
		"max":    func(n *strictyaml.Node) { f.Max = r.ParseSize(n, math.MaxInt32) },
	})
	return f
}

func (r Reader) asciiLength(n *strictyaml.Node) Framing {
	f := Framing{Kind: ASCIILength, Base: 10}
	if n.Kind() == strictyaml.Number {
		f.Bytes = int(r.IntBetween(n, 1, mostDigits))
		return f
	}
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"digits":  func(n *strictyaml.Node) { f.Bytes = int(r.IntBetween(n, 1, mostDigits)) },
		"end":     func(n *strictyaml.Node) { f.End = r.marker(n) },
		"base":    func(n *strictyaml.Node) { f.Base = r.base(n) },
		"counts":  func(n *strictyaml.Node) { f.Counts = r.counts(n, "payload", "whole") },
		"trailer": func(n *strictyaml.Node) { f.Trailer = r.marker(n) },
		"max":     func(n *strictyaml.Node) { f.Max = r.ParseSize(n, math.MaxInt32) },
	})
	switch digits, end := n.GetKey("digits"), n.GetKey("end"); {
	case (digits == nil) == (end == nil):
		r.ReportError(n, "nothing says where the digits end", `give digits: 4 for a fixed number of them, or end: " " for the bytes behind them`)
	case end != nil && f.Counts == CountsWhole:
		r.ReportError(n.GetKey("counts"), "a length without a fixed number of digits cannot count them", "write counts: payload")
	case end != nil && f.End != "" && f.isDigit(f.End[0]):
		r.ReportError(end, fmt.Sprintf("the digits cannot be ended by %q", f.End[:1]), "use another byte")
	}
	return f
}

func (r Reader) base(n *strictyaml.Node) int {
	base := r.IntBetween(n, 10, 16)
	if base != 10 && base != 16 {
		r.ReportError(n, fmt.Sprintf("a length cannot have digits of base %d", base), "want 10 or 16")
		return 10
	}
	return int(base)
}
