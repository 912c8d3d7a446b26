package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A toxic is one that a client has put on a proxy. It is never modified: an
// update makes another one.
type toxic struct {
	made     toxics.Toxic
	datagram *datagram.Toxic // instead of what made runs; nil: it is for streams
	stream   string          // the direction as the client has written it
	after    uint64          // connections of the proxy before those that it counts
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
	datagrams bool   // it is for a proxy of datagrams
	framing   string // of its proxy
	served    uint64 // connections of the proxy before those that it counts
	counted   uint64 // the same, if the connections are said anew
}

// toxicPatch is what a client sends to update a toxic; name, type and stream
// cannot change.
type toxicPatch struct {
	Toxicity *float32 `json:"toxicity"`
	settings
}

// mergeOver returns the patch laid over what the toxic is.
func (p toxicPatch) mergeOver(t toxic, w proxySpec, served uint64) toxicInput {
	in := toxicInput{framing: w.transport.Framing, Type: t.made.Type, Toxicity: t.toxicity, settings: p.settings, datagrams: t.datagram != nil, served: t.after}
	if p.Toxicity != nil {
		in.Toxicity = *p.Toxicity
	}
	in.counted = served
	return in
}

func newToxicInput(w proxySpec, served uint64) toxicInput {
	return toxicInput{Stream: "downstream", Toxicity: 1, datagrams: w.isDatagrams(), framing: w.transport.Framing, served: served}
}

// createToxic makes a toxic beside those of the list. The order of its checks is
// Toxiproxy's.
func (in toxicInput) createToxic(list []toxic) (toxic, error) {
	if err := in.splitSettings(); err != nil {
		return toxic{}, err
	}
	direction, err := event.ParseDirection(strings.ToLower(in.Stream))
	if err != nil {
		return toxic{}, errStream
	}
	kind, err := in.findKind()
	if err != nil {
		return toxic{}, err
	}
	spec := spec.Spec{Name: in.Name, Type: in.Type, Direction: direction}
	if spec.Name == "" {
		spec.Name = in.Type + "_" + in.Stream
	}
	if indexOf(list, spec.Name) >= 0 {
		return toxic{}, errToxicExists
	}
	return withRendered(in.buildToxic(kind, spec, in.Stream))
}

// changeToxic makes a toxic that differs from t in what the input says of attributes,
// toxicity, trigger and connection, and in nothing else.
func (in toxicInput) changeToxic(t toxic) (toxic, error) {
	if err := in.splitSettings(); err != nil {
		return toxic{}, err
	}
	kind, err := in.findKind()
	if err != nil {
		return toxic{}, err
	}
	if in.Connection != nil || isGiven(in.Connections) {
		in.served = in.counted
	}
	return withRendered(in.buildToxic(kind, t.made.Spec, t.stream))
}

func (in toxicInput) buildToxic(kind spec.Kind, wanted spec.Spec, stream string) (toxic, error) {
	if in.datagrams {
		return in.buildDatagram(kind, wanted, stream)
	}
	if err := in.settings.applyTo(kind, &wanted); err != nil {
		return toxic{}, err
	}
	wanted.Toxicity = 1
	wanted.At = wanted.At.WithFraming(in.framing)
	made, err := toxics.MakeToxic(wanted)
	if err != nil {
		return toxic{}, badBody(err)
	}
	if made.Refuse && spec.CheckRefuse(made.Connection, float64(in.Toxicity)) != nil {
		return toxic{}, badBodyf("toxic refuse: %w", spec.CheckRefuse(made.Connection, float64(in.Toxicity)))
	}
	return toxic{made: made, stream: stream, after: in.after(made.Spec), toxicity: in.Toxicity}, nil
}

// after returns how many connections come before those that the toxic counts: a toxic
// for the first two is for the next two that come after it was added.
func (in toxicInput) after(spec spec.Spec) uint64 {
	if spec.Connection == 0 {
		return 0
	}
	return in.served
}

// asProxyToxics returns the toxic as a proxy takes it.
func (t toxic) asProxyToxics() []proxy.Toxic {
	if t.made.Refuse {
		return nil // it is the proxy's mode
	}
	list := proxy.FromToxic(t.made)
	if list[0].Toxicity = float64(t.toxicity); t.toxicity == 0 {
		list[0].Toxicity = -1 // the API's 0 is none
	}
	for i := range list {
		list[i].After = t.after
	}
	return list
}

// MarshalJSON returns what was rendered: toxics are shown far more often than made.
func (t toxic) MarshalJSON() ([]byte, error) { return t.text, nil }

// withRendered adds to a toxic that was made what the API shows of it.
func withRendered(t toxic, err error) (toxic, error) {
	if err == nil {
		t.text, err = t.renderJSON()
	}
	return t, err
}

// renderJSON writes the toxic as Toxiproxy does; what is ours follows where there is any.
func (t toxic) renderJSON() (json.RawMessage, error) {
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
		After       uint64          `json:"after_connection,omitempty"` // those of before are not counted
		Seed        *int64          `json:"seed,omitempty"`
	}{Attributes: attributes, Name: t.made.Name, Type: t.made.Type, Stream: t.stream, Toxicity: t.toxicity,
		At: t.made.At.Fields(), Seed: t.made.Seed, After: t.after}
	if t.made.LastConnection == 0 {
		shown.Connection = t.made.Connection
	} else {
		shown.Connections = spec.FormatConnections(t.made.Connection, t.made.LastConnection)
	}
	return json.Marshal(shown)
}

// inDisplayOrder returns the toxics in the order of the API: upstream first.
func inDisplayOrder(list []toxic) []toxic {
	sorted := append([]toxic{}, list...)
	slices.SortStableFunc(sorted, func(a, b toxic) int { return int(a.made.Direction) - int(b.made.Direction) })
	return sorted
}

func indexOf(list []toxic, name string) int {
	return slices.IndexFunc(list, func(t toxic) bool { return t.made.Name == name })
}

// mostExcerpt is how much of what a client has sent is said in an error, bytes.
const mostExcerpt = 80

func isNull(text json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(text), []byte("null")) }
