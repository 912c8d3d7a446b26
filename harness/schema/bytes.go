package schema

import (
	"math"

	"github.com/invopop/jsonschema"

	"github.com/sockharness/harness/harness/dialogue"
)

// byteForms are how bytes are written, and where messages end.
func byteForms() jsonschema.Definitions {
	return jsonschema.Definitions{
		"framing":  framing(),
		"bytes":    anyOf(append([]*jsonschema.Schema{{Type: "string"}, list(reference("bytes"), 0)}, bytesMappings("bytes")...)...),
		"expected": anyOf(append([]*jsonschema.Schema{{Type: "string"}, list(reference("expected"), 0)}, append(bytesMappings("bytes"), describedMessages()...)...)...),
	}
}

// bytesMappings are the mappings that stand for bytes; inner is what some of them hold.
func bytesMappings(inner string) []*jsonschema.Schema {
	digits := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Pattern: pattern, Extras: map[string]any{"type": []string{"string", "number"}}}
	}
	all := []*jsonschema.Schema{
		single("text", describe(&jsonschema.Schema{Type: "string"}, "Bytes, where a word such as eof would mean an ending.")),
		object(properties("message", describe(reference(inner), "One message; harness adds its frame."),
			"header", describe(reference("bytes"), "What the header holds besides the length; of HTTP its lines.")), "message"),
		single("command", describe(list(word(inner), 1), "The words of a command; framing resp.")),
		single("hex", describe(digits(`^\s*([0-9A-Fa-f]\s*[0-9A-Fa-f]\s*)*$`), "Hexadecimal digits; blanks group them.")),
		single("base64", describe(digits(`^[A-Za-z0-9+/=\s]*$`), "Base64.")),
		object(properties("repeat", reference(inner), "times", integer(1, dialogue.MaxBytes)), "repeat", "times"),
		single("random", describe(size(dialogue.MaxBytes), "Number of random bytes, made from the seed.")),
		single("file", describe(nonEmpty(), "The bytes of a file beside this one.")),
	}
	for _, n := range []struct {
		names []string
		bits  int
	}{{[]string{"u8"}, 8}, {[]string{"u16", "u16le"}, 16}, {[]string{"u32", "u32le"}, 32}} {
		for _, name := range n.names {
			all = append(all, single(name, integer(-1<<(n.bits-1), 1<<n.bits-1)))
		}
	}
	for _, name := range []string{"u64", "u64le"} { // their limits are beyond what a float64 holds exactly
		all = append(all, single(name, &jsonschema.Schema{Type: "integer"}))
	}
	return all
}

// sent is bytes of which there are some.
func sent() *jsonschema.Schema { return some("bytes") }

// some is the form of that name, and no empty list.
func some(name string) *jsonschema.Schema {
	return &jsonschema.Schema{AllOf: []*jsonschema.Schema{reference(name), {MinItems: count(1)}}}
}

func describedMessages() []*jsonschema.Schema {
	return []*jsonschema.Schema{
		single("regex", describe(nonEmpty(), "Regular expression that one message matches (RE2).")),
		single("any", describe(onlyTrueBool(), "One message, whatever it says.")),
		single("one_of", describe(list(reference("expected"), 2), "Alternatives: the first that fits.")),
	}
}

func onlyTrueBool() *jsonschema.Schema {
	return anyOf(constant(true), pattern("^([Yy][Ee][Ss]|[Oo][Nn])$"))
}

func framing() *jsonschema.Schema {
	most := func() *jsonschema.Schema { return size(math.MaxInt32) }
	header := func() *jsonschema.Schema { return integer(0, 1024) }
	prefix := object(properties("bytes", integer(1, 8), "offset", header(), "header", integer(1, 1024), "order", words("big", "little"),
		"counts", words(dialogue.CountsNames()...), "includes_header", truth(), "max", most()), "bytes")
	digits := object(properties("digits", integer(1, 20), "end", reference("bytes"), "base", &jsonschema.Schema{Enum: []any{10, 16}},
		"counts", words("payload", "whole"), "trailer", reference("bytes"), "max", most()))
	return anyOf(
		words(dialogue.FramingNames()...),
		single("line", words("lf", "crlf", "either")),
		single("length-prefix", anyOf(integer(1, 8), prefix)),
		single("fixed", integer(1, dialogue.MaxBytes)),
		single("markers", object(properties("start", reference("bytes"), "end", reference("bytes"), "max", most()), "end")),
		single("varint", object(properties("offset", header(), "bytes", integer(1, 10), "max", most()))),
		single("ascii-length", anyOf(integer(1, 20), digits)),
	)
}

// word is one of a command; it may be written as a number.
func word(inner string) *jsonschema.Schema {
	return anyOf(reference(inner), &jsonschema.Schema{Extras: map[string]any{"type": []string{"number", "boolean"}}})
}
