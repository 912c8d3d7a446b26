package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
)

// A toxic is one that a client has put on a proxy. It is never modified: an
// update makes another one.
type toxic struct {
	made     toxics.Toxic
	datagram *datagram.Toxic // instead of what made runs; nil: it is for streams
	stream   string          // the direction as the client has written it
	toxicity float32         // of any value, as in Toxiproxy; made's is 1
	text     json.RawMessage // as the API shows it
}

// toxicInput is what a client sends. Absent and null leave what was.
type toxicInput struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Stream   string  `json:"stream"`
	Toxicity float32 `json:"toxicity"`
	settings
	datagrams bool // it is for a proxy of datagrams
}

// toxicPatch is what a client sends to update a toxic; name, type and stream
// cannot change.
type toxicPatch struct {
	Toxicity *float32 `json:"toxicity"`
	settings
}

// over returns the patch laid over what the toxic is.
func (p toxicPatch) over(t toxic) toxicInput {
	in := toxicInput{Type: t.made.Type, Toxicity: t.toxicity, settings: p.settings, datagrams: t.datagram != nil}
	if p.Toxicity != nil {
		in.Toxicity = *p.Toxicity
	}
	return in
}

func newToxicInput(w wish) toxicInput {
	return toxicInput{Stream: "downstream", Toxicity: 1, datagrams: w.datagrams()}
}

// create makes a toxic beside those of the list. The order of its checks is
// Toxiproxy's.
func (in toxicInput) create(list []toxic) (toxic, error) {
	if err := in.lift(); err != nil {
		return toxic{}, err
	}
	direction, err := event.ParseDirection(strings.ToLower(in.Stream))
	if err != nil {
		return toxic{}, errStream
	}
	kind, err := in.find()
	if err != nil {
		return toxic{}, err
	}
	spec := toxics.Spec{Name: in.Name, Type: in.Type, Direction: direction}
	if spec.Name == "" {
		spec.Name = in.Type + "_" + in.Stream
	}
	if indexOf(list, spec.Name) >= 0 {
		return toxic{}, errToxicExists
	}
	return rendered(in.build(kind, spec, in.Stream))
}

// change makes a toxic that differs from t in what the input says of attributes,
// toxicity, trigger and connection, and in nothing else.
func (in toxicInput) change(t toxic) (toxic, error) {
	if err := in.lift(); err != nil {
		return toxic{}, err
	}
	kind, err := in.find()
	if err != nil {
		return toxic{}, err
	}
	return rendered(in.build(kind, t.made.Spec, t.stream))
}

func (in toxicInput) build(kind toxics.Kind, spec toxics.Spec, stream string) (toxic, error) {
	if in.datagrams {
		return in.buildDatagram(kind, spec, stream)
	}
	if err := in.settings.apply(kind, &spec); err != nil {
		return toxic{}, err
	}
	spec.Toxicity = 1
	made, err := toxics.Make(spec)
	if err != nil {
		return toxic{}, badBody(err)
	}
	if made.Refuse && (made.Connection != 0 || in.Toxicity > 0 && in.Toxicity < 1) {
		return toxic{}, badBodyf("toxic refuse: it refuses every connection, so that connection and a toxicity below 1 have no meaning")
	}
	return toxic{made: made, stream: stream, toxicity: in.Toxicity}, nil
}

// running returns the toxic as a proxy takes it.
func (t toxic) running() []proxy.Toxic {
	list := proxy.Faults(t.made)
	list[0].Toxicity = float64(t.toxicity)
	return list
}

// MarshalJSON returns what was rendered: toxics are shown far more often than made.
func (t toxic) MarshalJSON() ([]byte, error) { return t.text, nil }

// rendered adds to a toxic that was made what the API shows of it.
func rendered(t toxic, err error) (toxic, error) {
	if err == nil {
		t.text, err = t.render()
	}
	return t, err
}

// render writes the toxic as Toxiproxy does; what is ours follows where there is any.
func (t toxic) render() (json.RawMessage, error) {
	attributes, err := t.writeAttributes()
	if err != nil {
		return nil, err
	}
	shown := struct {
		Attributes  json.RawMessage `json:"attributes"`
		Name        string          `json:"name"`
		Type        string          `json:"type"`
		Stream      string          `json:"stream"`
		Toxicity    float32         `json:"toxicity"`
		At          map[string]any  `json:"at,omitempty"`
		Connection  uint64          `json:"connection,omitempty"`
		Connections string          `json:"connections,omitempty"`
		Seed        *int64          `json:"seed,omitempty"`
	}{Attributes: attributes, Name: t.made.Name, Type: t.made.Type, Stream: t.stream, Toxicity: t.toxicity,
		At: triggerFields(t.made.At), Seed: t.made.Seed}
	if t.made.Through == 0 {
		shown.Connection = t.made.Connection
	} else {
		shown.Connections = toxics.FormatConnections(t.made.Connection, t.made.Through)
	}
	return json.Marshal(shown)
}

// triggerFields writes a trigger as [toxics.ParseTrigger] reads it.
func triggerFields(at toxics.Trigger) map[string]any {
	switch {
	case at.Byte != nil:
		return map[string]any{"byte": *at.Byte}
	case at.Pattern != nil:
		return map[string]any{"pattern": string(at.Pattern)}
	case at.Opposite != nil:
		return map[string]any{"opposite": string(at.Opposite)}
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
