// Package schema writes the JSON Schema of the files that people write for the
// harness, and of its results, from the Go types that read and write them.
//
//	text, err := schema.Marshal("scenario") // or config, dialogue, waivers, all, result
//
// What a schema refuses the reader of the file refuses too, so that an editor
// that follows it never marks what is right. The reverse does not hold: that a
// capture is used before it is made, say, no schema can tell.
package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/waiver"
)

// All is the kind of a schema that holds for each of the four files, told apart by
// their keys.
const All = "all"

// Kinds returns the four files, in the order of pages.
func Kinds() []string { return []string{"config", "dialogue", "scenario", "waivers"} }

// Marshal returns the schema of one of [Kinds], of [All] or of [Result], as indented JSON.
func Marshal(kind string) ([]byte, error) {
	root, err := document(kind)
	if err != nil {
		return nil, err
	}
	root.Version = "http://json-schema.org/draft-07/schema#" // what editors know
	root.Title = "harness: " + kind
	if kind != Result {
		root.Definitions = definitions()
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema encode: %w", err)
	}
	return append(text, '\n'), nil
}

func document(kind string) (*jsonschema.Schema, error) {
	switch {
	case kind == Result:
		return resultDocument(), nil
	case kind == All:
		return byKeys(), nil
	case slices.Contains(Kinds(), kind):
		return reference(kind), nil
	}
	return nil, fmt.Errorf("schema of %q: want %s, %s or %s", kind, strings.Join(Kinds(), ", "), All, Result)
}

// byKeys tells the files apart as lint does: by their outermost keys.
func byKeys() *jsonschema.Schema {
	scenarios := reference("scenario")
	own := &jsonschema.Schema{If: requires("dialogue"), Then: reference("dialogue"), Else: scenarios}
	others := &jsonschema.Schema{If: requires("waivers"), Then: reference("waivers"), Else: own}
	others = &jsonschema.Schema{If: requires("targets"), Then: reference("config"), Else: others}
	return &jsonschema.Schema{If: requires("scenario"), Then: scenarios, Else: &jsonschema.Schema{
		If: &jsonschema.Schema{Type: "array"}, Then: scenarios, Else: others}}
}

func requires(keys ...string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", Required: keys}
}

// definitions are the four files and what they are made of.
func definitions() jsonschema.Definitions {
	all := jsonschema.Definitions{
		"config":     configFile(),
		"dialogue":   reflectStruct(dialogue.Dialogue{}),
		"scenario":   scenarioFile(),
		"definition": definition(),
		"waivers":    waiverFile(),
		"policies":   policies(),
	}
	maps.Copy(all, byteForms())
	maps.Copy(all, stepForms())
	maps.Copy(all, faultForms())
	return all
}

// configFile is harness.yaml.
func configFile() *jsonschema.Schema {
	target := reflectStruct(scenario.Target{})
	target.Properties.Set("dialogue", describe(nonEmpty(), "File of the dialogue that harness speaks with the server or the client beside it."))
	target.AnyOf = []*jsonschema.Schema{{Required: []string{"server"}}, {Required: []string{"client"}}}
	targets := describe(list(target, 1), "Two peers each, and which of them is under test.")
	return object(properties("version", constant(1), "targets", targets), "version", "targets")
}

func waiverFile() *jsonschema.Schema {
	waivers := describe(list(reflectStruct(waiver.Waiver{}), 0), "Known failures: one that no longer fails is red.")
	return object(properties("version", constant(1), "waivers", waivers), "version", "waivers")
}

// scenarioFile is one scenario or a list of them.
func scenarioFile() *jsonschema.Schema {
	return &jsonschema.Schema{If: &jsonschema.Schema{Type: "array"},
		Then: list(reference("definition"), 1), Else: reference("definition")}
}

// definition is one scenario; its role says which steps there are.
func definition() *jsonschema.Schema {
	s := reflectStruct(scenariofile.Definition{})
	s.Properties.Set("scenario", describe(pattern(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`), "Name of the scenario: topic/name. The topic of a name alone is its folder."))
	s.Properties.Set("steps", describe(&jsonschema.Schema{Type: "array"}, "What happens, in order. Default: the exchanges of the target's dialogue."))
	stepsOf := func(role scenario.Role) *jsonschema.Schema {
		return &jsonschema.Schema{Properties: properties("steps", reference("steps-"+string(role)))}
	}
	isRole := func(role scenario.Role) *jsonschema.Schema {
		return &jsonschema.Schema{Required: []string{"role"}, Properties: properties("role", constant(role))}
	}
	s.If, s.Then = isRole(scenario.Client), stepsOf(scenario.Client)
	s.Else = &jsonschema.Schema{If: isRole(scenario.Both), Then: stepsOf(scenario.Both), Else: stepsOf(scenario.Server)}
	return s
}
