package schema

import (
	"fmt"
	"slices"

	"github.com/invopop/jsonschema"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// faultForms are a toxic with the place where it strikes: one form for each toxic.
func faultForms() jsonschema.Definitions {
	var all []*jsonschema.Schema
	for _, kind := range slices.Concat(toxics.Catalogue(), datagram.Catalogue()) { // those for UDP have names of their own or other attributes
		all = append(all, fault(kind))
	}
	return jsonschema.Definitions{"fault": anyOf(all...), "trigger": trigger()}
}

func fault(kind spec.Kind) *jsonschema.Schema {
	toxic := describe(words(kind.Name), kind.Summary)
	p := properties(
		"toxic", toxic,
		"name", describe(nonEmpty(), "Name of the fault; without: toxic and direction."),
		"direction", describe(words("upstream", "downstream"), "upstream, the default, is from client to server."),
		"toxicity", describe(integerOrFraction(0, 1), "Share of the connections that it strikes."),
		"connection", describe(integer(1, 1<<31), "Number of the connection, from 1. Without: every one."),
		"at", describe(reference("trigger"), "Where or when it strikes. Without: from the start."),
	)
	for _, a := range kind.Attributes {
		p.Set(a.Name, attribute(a))
	}
	return object(p, "toxic")
}

func attribute(a spec.Attribute) *jsonschema.Schema {
	text := a.Summary
	if a.Unit != "" {
		text += fmt.Sprintf(" (%s)", a.Unit)
	}
	var s *jsonschema.Schema
	switch a.Kind {
	case spec.Word:
		s = words(a.Choices...)
	case spec.Ints:
		s = anyOf(list(anyOf(integer(a.Min, a.Max), &jsonschema.Schema{Type: "string"}), 0), &jsonschema.Schema{Extras: scalar("string", "number")})
	case spec.Text:
		s = &jsonschema.Schema{Extras: scalar("string", "number", "boolean")}
	case spec.Bool:
		s = &jsonschema.Schema{Extras: scalar("boolean", "string", "number")}
	default:
		s = anyOf(integerOrFraction(a.Min, a.Max), nonEmpty())
	}
	return describe(s, text)
}

func scalar(kinds ...string) map[string]any { return map[string]any{"type": kinds} }

// trigger is at most one place.
func trigger() *jsonschema.Schema {
	at := map[string]*jsonschema.Schema{
		"byte":     describe(anyOf(&jsonschema.Schema{Type: "number", Minimum: number(0)}, nonEmpty()), "Byte offset in the stream."),
		"pattern":  describe(scalarText(), "Right after the first occurrence of these bytes."),
		"opposite": describe(scalarText(), "As soon as the opposite direction has carried these bytes."),
		"segment":  describe(anyOf(integer(1, 1<<31-1), nonEmpty()), "Before the n-th segment, from 1."),
		"frame":    describe(anyOf(integer(1, 1<<31-1), nonEmpty()), "In the n-th message, from 1: 3 is before its first byte, 3+2 after its second one."),
		"framing":  describe(nonEmpty(), "Of frame, as on the command line: line, length-prefix=4. Default: that of the scenario."),
		"event":    describe(words(spec.TriggerEvents()...), "When something has happened on the connection."),
		"time":     describe(anyOf(&jsonschema.Schema{Type: "number", Minimum: number(0)}, nonEmpty()), "Time since the connection was opened."),
	}
	s := object(jsonschema.NewProperties())
	for _, name := range spec.TriggerFields() {
		s.Properties.Set(name, at[name])
	}
	s.MaxProperties = count(2)
	return s
}

// scalarText is text, which may look like a number.
func scalarText() *jsonschema.Schema {
	return &jsonschema.Schema{MinLength: count(1), Extras: scalar("string", "number")}
}
