package toxics

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/adapter"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// An entry is a kind of toxic and what makes one of it.
type entry struct {
	spec.Kind
	// build makes the toxic from complete settings; it sets t's Instance and
	// what else is not in the Spec.
	build func(s spec.Settings, t *Toxic) error
}

// entries is the list of all toxics: Toxiproxy's first, then ours. Nobody may change it: it
// is made once, because every toxic that is made, or written as text, is looked up there.
var entries = sync.OnceValue(func() []entry {
	return []entry{
		noopEntry(), latencyEntry(), bandwidthEntry(), slicerEntry(), limitDataEntry(), slowCloseEntry(), timeoutEntry(), resetPeerEntry(),
		halfCloseEntry(), resetEntry(), vanishEntry(), limitTimeEntry(), refuseEntry(),
		stallEntry(), sliceEntry(), coalesceEntry(), smallWindowEntry(), corruptEntry(),
		injectEntry(), unplugEntry(), lossEntry(),
	}
})

// Catalogue returns every kind of this package: Toxiproxy's first, then ours.
func Catalogue() []spec.Kind {
	var kinds []spec.Kind
	for _, e := range entries() {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// FindKind returns the kind of the given name, of the catalogue or else of
// Toxiproxy's registry.
func FindKind(name string) (spec.Kind, bool) {
	e, ok := findEntry(name)
	return e.Kind, ok
}

func findEntry(name string) (entry, bool) {
	for _, e := range entries() {
		if e.Name == name {
			return e, true
		}
	}
	if toxic, _ := newRegistered(name); toxic == nil {
		return entry{}, false
	}
	return entry{
		Kind: spec.Kind{
			Name:        name,
			Summary:     "registered with Toxiproxy",
			Description: "A toxic that the program registered with Toxiproxy's toxics.Register. Its attributes are decoded by JSON.",
			Directions:  spec.BothDirections(),
			Registered:  true,
		},
		build: func(s spec.Settings, t *Toxic) error { return t.useRegistered(name, s) },
	}, true
}

// ParseFlag reads a Spec from one line of text, as [spec.ParseFlag] describes it.
func ParseFlag(text string) (spec.Spec, error) { return spec.ParseFlag(text, FindKind) }

// FormatFlag writes a Spec as one line that [ParseFlag] reads back. What is at its default
// is left out, direction excepted.
func FormatFlag(s spec.Spec) string {
	kind, _ := FindKind(s.Type)
	return s.FormatFlag(kind)
}

// newRegistered returns a new toxic of Toxiproxy's registry, nil when there is none.
// A type that was registered by value, which Toxiproxy cannot make, is none.
func newRegistered(name string) (toxic tp.Toxic, buffer int) {
	defer func() {
		if recover() != nil {
			toxic = nil
		}
	}()
	wrapper := tp.ToxicWrapper{Type: name}
	toxic = tp.New(&wrapper)
	return toxic, wrapper.BufferSize
}

// useRegistered makes t the toxic of that name in Toxiproxy's registry.
func (t *Toxic) useRegistered(name string, attributes map[string]any) error {
	toxic, buffer := newRegistered(name)
	if toxic == nil {
		return fmt.Errorf("type is not registered")
	}
	text, err := json.Marshal(attributes)
	if err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	if err := json.Unmarshal(text, toxic); err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	t.useBehavior(adapter.ForeignToxic{Toxic: toxic, Effect: adapter.Effect{Detail: reflect.TypeOf(toxic).Elem().Name(), EOF: true, Close: true}})
	t.BufferSize = max(buffer, 0)
	return nil
}

// useBehavior makes t what s starts.
func (t *Toxic) useBehavior(s engine.Behavior) { t.Instance = &engine.AttachableToxic{Behavior: s} }
