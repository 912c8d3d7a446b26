package schema

import (
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
)

// scenarioForms are the types of scenario files that read themselves.
func scenarioForms() map[reflect.Type]func() *jsonschema.Schema {
	to := func(name string) func() *jsonschema.Schema {
		return func() *jsonschema.Schema { return reference(name) }
	}
	return map[reflect.Type]func() *jsonschema.Schema{
		reflect.TypeFor[scenariofile.Names]():   texts,
		reflect.TypeFor[scenariofile.Needs]():   needs,
		reflect.TypeFor[scenariofile.Framing](): to("framing"),
		reflect.TypeFor[scenariofile.Step]():    func() *jsonschema.Schema { return &jsonschema.Schema{} },
		reflect.TypeFor[scenariofile.Fault]():   to("fault"),
		reflect.TypeFor[scenariofile.Sweep]():   sweep,
		reflect.TypeFor[scenariofile.Count]():   func() *jsonschema.Schema { return anyOf(words("same"), integer(0, 1<<30)) },
		reflect.TypeFor[scenariofile.Load]():    func() *jsonschema.Schema { return anyOf(words("idle"), integerOrFraction(0, 100000)) },
		reflect.TypeFor[scenariofile.Text](): func() *jsonschema.Schema {
			return anyOf(nonEmpty(), object(properties("regex", nonEmpty(), "text", nonEmpty())))
		},
		reflect.TypeFor[scenariofile.Status](): func() *jsonschema.Schema { return anyOf(integer(0, 255), single("signal", signals())) },
	}
}

func integerOrFraction(least, most int64) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "number", Minimum: number(least), Maximum: number(most)}
}

func signals() *jsonschema.Schema {
	var all []string
	for _, name := range scenariofile.SignalNames() {
		all = append(all, name, "SIG"+name)
	}
	return words(all...)
}

func needs() *jsonschema.Schema {
	names := func() *jsonschema.Schema { return words(scenariofile.PolicyNames()...) }
	return anyOf(names(), list(names(), 0), &jsonschema.Schema{Type: "object", PropertyNames: names()})
}

func sweep() *jsonschema.Schema {
	p := jsonschema.NewProperties()
	places := func() *jsonschema.Schema { return anyOf(words("every", "messages"), list(integer(0, 1<<31-1), 0)) }
	s := object(p)
	for _, kind := range scenariofile.SweepKinds() {
		p.Set(kind, places())
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{kind}})
	}
	p.Set("in", words("upstream", "downstream"))
	return s
}

// stepForms are the steps of the three roles.
func stepForms() jsonschema.Definitions {
	all := jsonschema.Definitions{"action-dial": action("connect"), "action-accept": action("accept"), "change": change(),
		"check":            check(),
		"treatment-server": treatment("terminate", "pause", "resume", "restart"),
		"treatment-client": treatment("terminate", "pause", "resume")}
	for _, role := range []scenario.Role{scenario.Server, scenario.Client, scenario.Both} {
		all["steps-"+string(role)] = list(step(role), 0)
	}
	return all
}

// step is a mapping with one key, or the word boundary.
func step(role scenario.Role) *jsonschema.Schema {
	steps := func() *jsonschema.Schema { return reference("steps-" + string(role)) }
	s := object(properties(
		"together", describe(list(steps(), 2), "Lanes that run side by side."),
		"repeat", describe(object(properties("times", integer(1, 1000000), "steps", steps()), "times", "steps"), "Steps that run several times."),
		"proxy", describe(reference("change"), "What the network does from now on."),
		"check", describe(reference("check"), "What must be true of the program under test."),
	))
	s.MinProperties, s.MaxProperties = count(1), count(1)
	if role != scenario.Client {
		s.Properties.Set("server", describe(reference("treatment-server"), "What happens to the server's program."))
	}
	switch role {
	case scenario.Server:
		s.Properties.Set("client", describe(reference("action-dial"), "A connection; any other name is one, too."))
		s.AdditionalProperties = reference("action-dial")
		s.PropertyNames = pattern(`^[A-Za-z][A-Za-z0-9_-]*( [0-9]+)?$`)
		s.PropertyNames.Not = constant("boundary")
	case scenario.Client:
		s.Properties.Set("client", describe(reference("treatment-client"), "What happens to the client's program."))
		s.Properties.Set("server", describe(reference("action-accept"), "The first connection that the client makes."))
		s.PatternProperties = map[string]*jsonschema.Schema{"^server ([2-9]|[1-9][0-9]+)$": reference("action-accept")}
	case scenario.Both:
		s.Properties.Set("client", describe(reference("treatment-client"), "What happens to the client's program."))
	}
	return anyOf(words("boundary"), s)
}

// action is what is done on a connection.
func action(opening string) *jsonschema.Schema {
	p := properties(
		"send", describe(sent(), "What is sent."),
		"shutdown", describe(words("write"), "Half-closes after send: FIN."),
		"expect", describe(expectation(), "What must come: bytes, eof, reset, refused, closed or silence, or a list of alternatives."),
		"within", describe(duration(), "How long it may take to come."),
		"for", describe(duration(), "How long silence must last."),
		"keep", describe(captures(), "Names for groups of the regular expression: ${name} writes one."),
	)
	words := []string{opening, "close", "reset"}
	for _, w := range words {
		p.Set(w, onlyTrue())
	}
	mapping := wordsOrMapping(p, map[string][]string{"within": {"expect"}, "for": {"expect"}, "keep": {"expect"}})
	silence := properties("expect", constant(scenariofile.Silence))
	mapping.If, mapping.Then = &jsonschema.Schema{Properties: silence, Required: []string{"expect"}}, &jsonschema.Schema{Required: []string{"for"}}
	return anyOf(wordOf(words), mapping)
}

func wordOf(all []string) *jsonschema.Schema { return words(all...) }

func wordsOrMapping(p propertyMap, dependencies map[string][]string) *jsonschema.Schema {
	s := object(p)
	s.MinProperties = count(1)
	if dependencies != nil {
		s.Extras = map[string]any{"dependencies": dependencies}
	}
	return s
}

// expectation is bytes, or a word, or a list of alternatives.
func expectation() *jsonschema.Schema {
	endings := words(scenariofile.AllEndings()...)
	list := list(reference("expected"), 1)
	mappings := append(bytesMappings("bytes"), describedMessages()...)
	return anyOf(append([]*jsonschema.Schema{endings, {Type: "string"}, list}, mappings...)...)
}

func captures() *jsonschema.Schema {
	name := pattern("^[A-Za-z_][A-Za-z0-9_]*$")
	name.Not = words("connection", "run")
	return &jsonschema.Schema{Type: "object", PropertyNames: name,
		AdditionalProperties: anyOf(nonEmpty(), &jsonschema.Schema{Type: "number"})}
}

func check() *jsonschema.Schema {
	s := reflectStruct(scenariofile.Check{})
	for _, key := range []string{"alive", "descriptors", "children", "cpu", "output", "exit", "connections", "command"} {
		s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Required: []string{key}})
	}
	return s
}

// treatment is what happens to a program.
func treatment(all ...string) *jsonschema.Schema {
	p := properties(
		"signal", signals(),
		"limit", describe(object(properties("descriptors", integer(1, 1<<20)), "descriptors"), "Number of files that it can open in addition to those open now."),
	)
	for _, w := range all {
		p.Set(w, onlyTrue())
	}
	return anyOf(wordOf(all), wordsOrMapping(p, nil))
}

// change is what the proxy does from now on.
func change() *jsonschema.Schema {
	all := []string{"refuse", "accept", "blackhole"}
	p := properties("on", reference("fault"), "off", describe(nonEmpty(), "Name of a fault that ends."))
	for _, w := range all {
		p.Set(w, onlyTrue())
	}
	return anyOf(wordOf(all), wordsOrMapping(p, nil))
}
