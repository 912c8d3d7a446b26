package schema

import (
	"reflect"
	"regexp"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
	"github.com/sockharness/harness/harness/waiver"
)

// reflectStruct returns the schema of a struct by its tags.
func reflectStruct(v any) *jsonschema.Schema {
	r := jsonschema.Reflector{Anonymous: true, DoNotReference: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true, Mapper: mapType}
	s := r.Reflect(v)
	s.Version = ""
	mapFields(s, reflect.TypeOf(v))
	return s
}

// mapFields is for fields that are not written as their type alone says.
func mapFields(s *jsonschema.Schema, t reflect.Type) {
	set := func(key string, value *jsonschema.Schema) {
		before, _ := s.Properties.Get(key)
		s.Properties.Set(key, describe(value, before.Description))
	}
	switch t {
	case reflect.TypeFor[dialogue.Dialogue]():
		set("greeting", greeting())
		set("exchanges", list(exchange(), 0))
	case reflect.TypeFor[dialogue.Exchange]():
		set("send", anyOf(sent(), single("regex", nonEmpty()))) // what a client under test sends may be described
		set("expect", some("expected"))
		set("shutdown", words("write"))
		set("tls", words("start"))
		set("listen", pattern(`^[A-Za-z_][A-Za-z0-9_]*$`))
	case reflect.TypeFor[scenario.Target]():
		set("policies", reference("policies"))
		set("services", list(serviceForm(), 1))
		set("oracles", oracles())
	case reflect.TypeFor[scenario.Policies]():
		set("retries", anyOf(words("forever"), integer(0, 1<<31-1)))
		set("max_message", integer(1, 1<<31-1))
	case reflect.TypeFor[scenariofile.Check]():
		set("command", list(nonEmpty(), 1))
	case reflect.TypeFor[waiver.Waiver]():
		set("expires", pattern(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`))
	}
}

func exchange() *jsonschema.Schema {
	s := dataExchange()
	before, _ := s.Properties.Get("connect")
	s.Properties.Set("connect", describe(dataConnection(), before.Description))
	s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Required: []string{"connect"}})
	return s
}

// dataConnection is a second connection, whose exchanges open no other one.
func dataConnection() *jsonschema.Schema {
	inner := dataExchange()
	inner.Properties.Delete("connect")
	inner.Properties.Delete("listen")
	inner.Properties.Delete("tls")
	return object(properties(
		"to", describe(anyOf(integer(1, 65535), nonEmpty()), "Port: a number, or two numbers as in the answer to FTP's PASV. ${name} writes what was kept."),
		"tls", describe(words("start"), "The connection begins with TLS: PROT P of FTP."),
		"framing", describe(reference("framing"), "Where a message ends. Without: until-eof."),
		"greeting", describe(greeting(), "What the server says first."),
		"exchanges", describe(list(inner, 0), "What is said on the connection."),
		"end", describe(words(dialogueEnds()...), "Who ends the connection and how."),
	), "to")
}

func greeting() *jsonschema.Schema {
	return anyOf(reference("expected"), object(properties("expect", reference("expected"), "keep", captures()), "expect"))
}

// dataExchange is an exchange but for what opens another connection.
func dataExchange() *jsonschema.Schema {
	s := reflectStruct(dialogue.Exchange{})
	s.AnyOf = []*jsonschema.Schema{{Required: []string{"send"}}, {Required: []string{"expect"}}, {Required: []string{"shutdown"}}}
	s.Extras = map[string]any{"dependencies": map[string][]string{"within": {"expect"}}}
	return s
}

func policies() *jsonschema.Schema { return reflectStruct(scenario.Policies{}) }

func oracles() *jsonschema.Schema {
	levels := func() *jsonschema.Schema {
		return words(scenario.Off, outcome.Must, outcome.Should, outcome.May, outcome.Info)
	}
	p := jsonschema.NewProperties()
	for _, o := range scenario.DefaultOracles() {
		p.Set(o.Name, describe(levels(), o.Title))
	}
	return object(p)
}

// mapType is for types that are not written as JSON would: those that read
// themselves from YAML. It returns a new schema each time, for tags are added to it.
func mapType(t reflect.Type) *jsonschema.Schema {
	if make, ok := typeForms()[t]; ok {
		return make()
	}
	return nil
}

func typeForms() map[reflect.Type]func() *jsonschema.Schema {
	forms := map[reflect.Type]func() *jsonschema.Schema{
		reflect.TypeFor[bool]():                    truth,
		reflect.TypeFor[string]():                  nonEmpty,
		reflect.TypeFor[time.Duration]():           duration,
		reflect.TypeFor[regexp.Regexp]():           nonEmpty,
		reflect.TypeFor[waiver.Pattern]():          nonEmpty,
		reflect.TypeFor[dialogue.Framing]():        func() *jsonschema.Schema { return reference("framing") },
		reflect.TypeFor[dialogue.Message]():        func() *jsonschema.Schema { return reference("expected") },
		reflect.TypeFor[dialogue.Captures]():       captures,
		reflect.TypeFor[dialogue.DataConnection](): func() *jsonschema.Schema { return object(properties(), "to") }, // exchange says more
		reflect.TypeFor[dialogue.End]():            func() *jsonschema.Schema { return words(dialogueEnds()...) },
		reflect.TypeFor[scenario.Peer]():           peerForm,
		reflect.TypeFor[scenario.Role]():           func() *jsonschema.Schema { return &jsonschema.Schema{Type: "string"} }, // tags say which
		reflect.TypeFor[scenario.State](): func() *jsonschema.Schema {
			return words(scenario.StateShared, scenario.StateConnection, scenario.StateProcess)
		},
		reflect.TypeFor[scenario.HalfClose](): func() *jsonschema.Schema {
			return words(scenario.HalfCloseAnswers, scenario.HalfCloseCloses, scenario.HalfCloseAborts)
		},
		reflect.TypeFor[scenario.InputEnd](): func() *jsonschema.Schema { return words(scenario.EOFDone, scenario.EOFGone) },
		reflect.TypeFor[scenario.Truncation](): func() *jsonschema.Schema {
			return words(scenario.TruncationIgnored, scenario.TruncationError, scenario.TruncationAccepted)
		},
		reflect.TypeFor[scenario.TLSFin](): func() *jsonschema.Schema { return words(scenario.TLSFinEnds, scenario.TLSFinFails) },
		reflect.TypeFor[scenario.Stop]():   func() *jsonschema.Schema { return words(scenario.StopDrains, scenario.StopImmediate) },
		reflect.TypeFor[scenario.Exit](): func() *jsonschema.Schema {
			return object(properties("failed", integer(0, 255), "refused", integer(0, 255)))
		},
	}
	for t, form := range scenarioForms() {
		forms[t] = form
	}
	return forms
}

func dialogueEnds() []string {
	return []string{dialogue.ClientCloses.String(), dialogue.ServerCloses.String(), dialogue.ClientHalfCloses.String()}
}

// serviceForm is a program that those of a target need.
func serviceForm() *jsonschema.Schema {
	return object(properties(
		"name", describe(pattern(`^[a-z][a-z0-9_-]*$`), "Word by which commands of the target name the service: {db.port} {db.host} {db.addr} {db.path}."),
		"command", describe(texts(), "Program with its arguments; {host} {port} {addr} {path} {tmp}, and the words of services before it, are replaced."),
		"ready", describe(object(properties("log", nonEmpty(), "exec", texts())), "Sign that the service is ready, besides its LISTEN socket."),
		"env", describe(&jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}}, "Environment variables."),
	), "name", "command")
}

// peerForm is one end of a conversation: exactly one of a command, an address and a
// dialogue.
func peerForm() *jsonschema.Schema {
	s := object(properties(
		"command", describe(texts(), "Program with its arguments; {host} {port} {addr} {path} {tmp} {scenario} {ca} {cert} {key} are replaced."),
		"address", describe(nonEmpty(), "host:port, unix:path or udp:host:port of a server that runs already."),
		"dialogue", describe(nonEmpty(), "File of the dialogue that harness follows."),
		"network", describe(words(scenario.TCP, scenario.UDP), "Old word for transport."),
		"ready", describe(object(properties("log", nonEmpty(), "exec", texts())), "Sign that the program is ready, besides its LISTEN socket."),
		"transport", describe(words(scenario.Transports()...), "Transport of the conversation. Default: unix if the command contains {path} or the address begins with unix:, udp if it begins with udp:, tls if it contains {ca}, {cert} or {key} or the target has tls:, else tcp."),
		"listen", describe(nonEmpty(), "Loopback address at which a client under test finds its server: 127.0.0.1 (default) or ::1."),
		"connects_to", describe(texts(), "Address (host:port), or a list of them, that a client has built in: its connects there are led to the harness."),
		"scope", describe(words(scenario.PerSuite, scenario.PerScenario), "How long a started server lives."),
		"env", describe(&jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}}, "Environment variables."),
	))
	for _, key := range []string{"command", "address", "dialogue"} {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{key}})
	}
	short := describe(texts(), "A command, host:port of a server that runs already, or the file of a dialogue (.yaml).")
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{short, s}}
}
