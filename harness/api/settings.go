package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/toxics/spec"
)

// settings are what may be said of a toxic when it is created and when it is
// updated, toxicity excepted. Absent and null leave what was.
type settings struct {
	Attributes  json.RawMessage `json:"attributes"`
	At          json.RawMessage `json:"at"`
	Connection  *uint64         `json:"connection"`
	Connections json.RawMessage `json:"connections"` // "1-3", "4-" or a number
	Seed        *int64          `json:"seed"`
}

// splitSettings takes what is ours out of the attributes, where the clients of Toxiproxy
// put it that send nothing else, toxiproxy-cli among them: at as an object or as
// at.byte and so on, connection, connections and seed.
func (s *settings) splitSettings() error {
	given := map[string]json.RawMessage{}
	for name, text := range map[string]json.RawMessage{"attributes": s.Attributes, "at": s.At} {
		object := map[string]json.RawMessage{}
		if len(text) > 0 && json.Unmarshal(text, &object) != nil {
			return badBodyf("%s must be an object, got %s", name, excerpt.Start(text, mostExcerpt))
		}
		if name == "attributes" {
			given = object
		}
	}
	at, ours := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, value := range given {
		field, trigger := strings.CutPrefix(name, "at.")
		switch {
		case trigger:
			at[field] = value
		case name == "at", name == "connection", name == "connections", name == "seed":
			ours[name] = value
		default:
			continue
		}
		delete(given, name)
	}
	if len(at) == 0 && len(ours) == 0 {
		return nil
	}
	return s.putSettings(given, at, ours)
}

// putSettings puts what was lifted in its place.
func (s *settings) putSettings(rest, at, ours map[string]json.RawMessage) error {
	if len(at) > 0 {
		ours["at"], _ = json.Marshal(at) // of what has been parsed: it cannot fail
	}
	text, _ := json.Marshal(ours)
	if err := json.Unmarshal(text, s); err != nil {
		return badBody(err)
	}
	if object := map[string]json.RawMessage{}; len(s.At) > 0 && json.Unmarshal(s.At, &object) != nil {
		return badBodyf("at must be an object, got %s", excerpt.Start(s.At, mostExcerpt))
	}
	s.Attributes, _ = json.Marshal(rest)
	return nil
}

// applyTo lays the settings over a spec.
func (s settings) applyTo(kind spec.Kind, spec *spec.Spec) (err error) {
	if spec.Attributes, err = mergeAttributes(kind, spec.Attributes, s.Attributes); err != nil {
		return err
	}
	if isGiven(s.At) {
		if spec.At, err = readTrigger(s.At); err != nil {
			return badBody(err)
		}
	}
	if s.Connection != nil {
		spec.Connection, spec.LastConnection = *s.Connection, 0
	}
	if isGiven(s.Connections) {
		if spec.Connection, spec.LastConnection, err = readConnections(s.Connections); err != nil {
			return badBody(err)
		}
	}
	if s.Seed != nil {
		spec.Seed = s.Seed
	}
	return nil
}

func isGiven(text json.RawMessage) bool { return len(text) > 0 && !isNull(text) }

func readTrigger(text json.RawMessage) (spec.Trigger, error) {
	fields, err := decodeObject(text)
	if err != nil {
		return spec.Trigger{}, err
	}
	return spec.ParseTrigger(fields)
}

func readConnections(text json.RawMessage) (connection, through uint64, err error) {
	words := string(text)
	if text[0] == '"' {
		words, err = strconv.Unquote(words)
	}
	if err == nil {
		connection, through, err = spec.ParseConnections(words)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("connections %w", err)
	}
	return connection, through, nil
}
