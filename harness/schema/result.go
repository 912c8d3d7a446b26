package schema

import (
	"reflect"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

// Result is the kind of the schema of what `harness run --json` and `harness report merge
// --json` write. An exploration adds lists of findings and searches to it.
const Result = "result"

// resultDocument returns the schema of a result, with what it is made of.
func resultDocument() *jsonschema.Schema {
	r := jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, Mapper: resultForm}
	s := r.Reflect(outcome.Run{})
	s.Properties.Set("version", constant(1))
	objects := func(text string) *jsonschema.Schema {
		return describe(list(&jsonschema.Schema{Type: "object"}, 0), text)
	}
	s.Properties.Set("findings", objects("What harness explore has found."))
	s.Properties.Set("searches", objects("How far harness explore has come on each target."))
	s.Description = "The result of harness run or of harness report merge; with findings and searches that of harness explore."
	return s
}

// resultForm is for types of a result that are not written as their type alone says.
func resultForm(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[outcome.Millis]():
		return &jsonschema.Schema{Type: "number"}
	case reflect.TypeFor[outcome.Verdict]():
		return words(append(outcome.AllVerdicts(), "")...)
	case reflect.TypeFor[outcome.Level]():
		return words(append(outcome.AllLevels(), "")...)
	case reflect.TypeFor[outcome.State]():
		return words(outcome.AllStates()...)
	case reflect.TypeFor[event.Ending]():
		return words(event.Open, event.EOF, event.Reset, event.Timeout, event.Refused, event.Unreachable, event.BrokenPipe)
	case reflect.TypeFor[event.Side]():
		return words(event.Client, event.Server, event.Proxy)
	case reflect.TypeFor[map[outcome.Verdict]int]():
		return countsOf(outcome.AllVerdicts())
	case reflect.TypeFor[map[outcome.State]int]():
		return countsOf(outcome.AllStates())
	}
	return nil
}

// countsOf is an object with a number for each of the words.
func countsOf[T ~string](all []T) *jsonschema.Schema {
	p := jsonschema.NewProperties()
	for _, w := range all {
		p.Set(string(w), &jsonschema.Schema{Type: "integer"})
	}
	return object(p)
}
