package schema

import (
	"encoding/json"
	"strconv"

	"github.com/invopop/jsonschema"
	orderedmap "github.com/pb33f/ordered-map/v2"
)

type propertyMap = *orderedmap.OrderedMap[string, *jsonschema.Schema]

// properties takes names and their schemas in turn.
func properties(pairs ...any) propertyMap {
	m := jsonschema.NewProperties()
	for i := 0; i < len(pairs); i += 2 {
		m.Set(pairs[i].(string), pairs[i+1].(*jsonschema.Schema))
	}
	return m
}

// object is a mapping with these keys and no others.
func object(p propertyMap, required ...string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", Properties: p, Required: required, AdditionalProperties: jsonschema.FalseSchema}
}

// single is a mapping with one key, such as {hex: "00"}.
func single(key string, value *jsonschema.Schema) *jsonschema.Schema {
	return object(properties(key, value), key)
}

func reference(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

func describe(s *jsonschema.Schema, text string) *jsonschema.Schema {
	s.Description = text
	return s
}

func anyOf(all ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: all} }

func constant(v any) *jsonschema.Schema { return &jsonschema.Schema{Const: v} }

// words is a choice among strings.
func words[T ~string](all ...T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, w := range all {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

func pattern(p string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Pattern: p} }

// nonEmpty is a string with characters.
func nonEmpty() *jsonschema.Schema { return &jsonschema.Schema{Type: "string", MinLength: count(1)} }

func integer(least, most int64) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "integer", Minimum: number(least), Maximum: number(most)}
}

func list(item *jsonschema.Schema, least uint64) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "array", Items: item}
	if least > 0 {
		s.MinItems = count(least)
	}
	return s
}

func count(n uint64) *uint64 { return &n }

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// truth is what strictyaml reads as true or false.
func truth() *jsonschema.Schema {
	return anyOf(&jsonschema.Schema{Type: "boolean"}, pattern("^([Yy][Ee][Ss]|[Oo][Nn]|[Nn][Oo]|[Oo][Ff][Ff])$"))
}

// onlyTrue is the value of a word that needs none: nothing, or true.
func onlyTrue() *jsonschema.Schema {
	return anyOf(constant(true), &jsonschema.Schema{Type: "null"}, pattern("^([Yy][Ee][Ss]|[Oo][Nn])$"))
}

// duration is a time as Go writes it, or 0.
func duration() *jsonschema.Schema {
	s := anyOf(pattern(`^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`), constant(0))
	s.Examples = []any{"250ms", "2s"}
	return s
}

// size is a number of bytes, with or without a unit.
func size(most int64) *jsonschema.Schema {
	s := anyOf(integer(0, most), pattern(`^[-+]?[0-9]+\s*([kMG]?B|[KMG]iB)?$`))
	s.Examples = []any{"4KiB"}
	return s
}

// texts is a string or a list of strings; an item {word} is a text too.
func texts() *jsonschema.Schema {
	braced := &jsonschema.Schema{Type: "object", MinProperties: count(1), MaxProperties: count(1),
		AdditionalProperties: &jsonschema.Schema{Type: "null"}}
	return anyOf(&jsonschema.Schema{Type: "string"}, list(anyOf(&jsonschema.Schema{Type: "string"}, braced), 0))
}
