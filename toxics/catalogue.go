package toxics

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
)

// A Kind is one type of toxic: an entry of the catalogue.
type Kind struct {
	Name        string
	Summary     string // one line
	Description string // a paragraph or two
	Attributes  []Attribute
	Directions  []event.Direction // where it may be put
	Connection  bool              // it acts on the connection, not on a link
	Registered  bool              // found in Toxiproxy's registry only: attributes are decoded by JSON, unchecked

	// build makes the toxic from complete settings; it sets t's Instance and
	// what else is not in the Spec.
	build func(s settings, t *Toxic) error
}

// Catalogue returns every kind of this package: Toxiproxy's first, then ours.
func Catalogue() []Kind {
	return slices.Concat(toxiproxyKinds(), endingKinds(), shapingKinds(), []Kind{injectKind(), unplugKind(), lossKind()})
}

// FindKind returns the kind of the given name, of the catalogue or else of
// Toxiproxy's registry.
func FindKind(name string) (Kind, bool) {
	for _, k := range Catalogue() {
		if k.Name == name {
			return k, true
		}
	}
	if toxic, _ := newRegistered(name); toxic == nil {
		return Kind{}, false
	}
	return Kind{
		Name:        name,
		Summary:     "registered with Toxiproxy",
		Description: "A toxic that the program registered with Toxiproxy's toxics.Register. Its attributes are decoded by JSON.",
		Directions:  bothDirections(),
		Registered:  true,
		build:       func(s settings, t *Toxic) error { return t.useRegistered(name, s) },
	}, true
}

// catalogueNames returns the names of the catalogue.
func catalogueNames() []string {
	var names []string
	for _, k := range Catalogue() {
		names = append(names, k.Name)
	}
	return names
}

// readSettings completes and checks attributes.
func (k Kind) readSettings(given map[string]any) (settings, error) {
	if k.Registered {
		return maps.Clone(given), nil
	}
	return readSettings(k.Attributes, given)
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
	t.useBehavior(foreign{toxic, effect{detail: reflect.TypeOf(toxic).Elem().Name(), eof: true, close: true}})
	t.BufferSize = max(buffer, 0)
	return nil
}

// useBehavior makes t what s starts.
func (t *Toxic) useBehavior(s behavior) { t.Instance = &attachable{behavior: s} }

// bothDirections is what every kind so far may be put on.
func bothDirections() []event.Direction {
	return []event.Direction{event.Upstream, event.Downstream}
}
