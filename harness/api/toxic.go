package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
)

// A toxic is one that a client has put on a proxy. It is never modified: an
// update makes another one.
type toxic struct {
	made     toxics.Toxic
	stream   string  // the direction as the client has written it
	toxicity float32 // of any value, as in Toxiproxy; made's is 1
}

// toxicInput is what a client sends. Absent and null leave what was.
type toxicInput struct {
	Attributes json.RawMessage `json:"attributes"`
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Stream     string          `json:"stream"`
	Toxicity   float32         `json:"toxicity"`
	At         json.RawMessage `json:"at"`
	Connection uint64          `json:"connection"`
}

// toxicPatch is what a client sends to update a toxic; name, type and stream
// cannot change.
type toxicPatch struct {
	Attributes json.RawMessage `json:"attributes"`
	Toxicity   *float32        `json:"toxicity"`
	At         json.RawMessage `json:"at"`
	Connection *uint64         `json:"connection"`
}

// over returns the patch laid over what the toxic is.
func (p toxicPatch) over(t toxic) toxicInput {
	in := toxicInput{Attributes: p.Attributes, Toxicity: t.toxicity, At: p.At, Connection: t.made.Connection}
	if p.Toxicity != nil {
		in.Toxicity = *p.Toxicity
	}
	if p.Connection != nil {
		in.Connection = *p.Connection
	}
	return in
}

func newToxicInput() toxicInput { return toxicInput{Stream: "downstream", Toxicity: 1} }

// create makes a toxic beside those of the list. The order of its checks is
// Toxiproxy's.
func (in toxicInput) create(list []toxic) (toxic, error) {
	if err := in.shape(); err != nil {
		return toxic{}, err
	}
	direction, err := event.ParseDirection(strings.ToLower(in.Stream))
	if err != nil {
		return toxic{}, errStream
	}
	kind, ok := toxics.Find(in.Type)
	if !ok {
		return toxic{}, errToxicType
	}
	spec := toxics.Spec{Name: in.Name, Type: in.Type, Direction: direction}
	if spec.Name == "" {
		spec.Name = in.Type + "_" + in.Stream
	}
	if indexOf(list, spec.Name) >= 0 {
		return toxic{}, errToxicExists
	}
	return in.build(kind, spec, in.Stream)
}

// change makes a toxic that differs from t in what the input says of attributes,
// toxicity, trigger and connection, and in nothing else.
func (in toxicInput) change(t toxic) (toxic, error) {
	if err := in.shape(); err != nil {
		return toxic{}, err
	}
	kind, _ := toxics.Find(t.made.Type)
	return in.build(kind, t.made.Spec, t.stream)
}

// shape checks that attributes and trigger are objects, if they are given.
func (in toxicInput) shape() error {
	for name, text := range map[string]json.RawMessage{"attributes": in.Attributes, "at": in.At} {
		var object map[string]json.RawMessage
		if len(text) > 0 && json.Unmarshal(text, &object) != nil {
			return badBodyf("%s must be an object, got %s", name, excerpt(text))
		}
	}
	return nil
}

func (in toxicInput) build(kind toxics.Kind, spec toxics.Spec, stream string) (toxic, error) {
	var err error
	if spec.Attributes, err = mergeAttributes(kind, spec.Attributes, in.Attributes); err != nil {
		return toxic{}, err
	}
	if len(in.At) > 0 && !isNull(in.At) {
		if spec.At, err = readTrigger(in.At); err != nil {
			return toxic{}, badBody(err)
		}
	}
	spec.Connection, spec.Toxicity = in.Connection, 1
	made, err := toxics.Make(spec)
	if err != nil {
		return toxic{}, badBody(err)
	}
	if made.Refuse && (in.Connection != 0 || in.Toxicity > 0 && in.Toxicity < 1) {
		return toxic{}, badBodyf("toxic refuse: it refuses every connection, so that connection and a toxicity below 1 have no meaning")
	}
	return toxic{made: made, stream: stream, toxicity: in.Toxicity}, nil
}

func readTrigger(text json.RawMessage) (toxics.Trigger, error) {
	fields, err := decodeObject(text)
	if err != nil {
		return toxics.Trigger{}, err
	}
	return toxics.ParseTrigger(fields)
}

// running returns the toxic as a proxy takes it.
func (t toxic) running() proxy.Toxic {
	return proxy.Toxic{Name: t.made.Name, Toxic: t.made.Instance, BufferSize: t.made.BufferSize,
		Direction: t.made.Direction, Toxicity: float64(t.toxicity), Connection: t.made.Connection}
}

// MarshalJSON writes the toxic as Toxiproxy does; a trigger and a connection
// follow where there are any.
func (t toxic) MarshalJSON() ([]byte, error) {
	attributes, err := writeAttributes(t.made)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Attributes json.RawMessage `json:"attributes"`
		Name       string          `json:"name"`
		Type       string          `json:"type"`
		Stream     string          `json:"stream"`
		Toxicity   float32         `json:"toxicity"`
		At         map[string]any  `json:"at,omitempty"`
		Connection uint64          `json:"connection,omitempty"`
	}{attributes, t.made.Name, t.made.Type, t.stream, t.toxicity, triggerFields(t.made.At), t.made.Connection})
}

// triggerFields writes a trigger as [toxics.ParseTrigger] reads it.
func triggerFields(at toxics.Trigger) map[string]any {
	switch {
	case at.Byte != nil:
		return map[string]any{"byte": *at.Byte}
	case at.Pattern != nil:
		return map[string]any{"pattern": string(at.Pattern)}
	case at.Segment != 0:
		return map[string]any{"segment": at.Segment}
	case at.Event != "":
		return map[string]any{"event": at.Event}
	case at.After != 0:
		return map[string]any{"time": at.After.Milliseconds()}
	}
	return nil
}

// shown returns the toxics in the order of the API: upstream first.
func shown(list []toxic) []toxic {
	sorted := append([]toxic{}, list...)
	slices.SortStableFunc(sorted, func(a, b toxic) int { return int(a.made.Direction) - int(b.made.Direction) })
	return sorted
}

func indexOf(list []toxic, name string) int {
	return slices.IndexFunc(list, func(t toxic) bool { return t.made.Name == name })
}

func isNull(text json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(text), []byte("null")) }

func quoted(s string) string { return excerpt([]byte(strconv.Quote(s))) }

// excerpt returns the start of a text that a client has sent.
func excerpt(text []byte) string {
	const most = 80
	if len(text) <= most {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:most]), "") + "…"
}
