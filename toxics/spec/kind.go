package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sockharness/harness/harness/event"
)

// A Kind is one type of toxic: an entry of the catalogue.
type Kind struct {
	Name        string            // type of its toxics
	Summary     string            // one line
	Description string            // a paragraph or two
	Attributes  []Attribute       // its settings, in order
	Directions  []event.Direction // where it may be put
	Connection  bool              // it acts on the connection, not on a link
	Intact      bool              // what passes arrives as it was sent, if late or in other pieces
	Prompt      bool              // Intact, and within moments
	Registered  bool              // found in Toxiproxy's registry only: attributes are decoded by JSON, unchecked
}

// ReadSettings completes and checks attributes.
func (k Kind) ReadSettings(given map[string]any) (Settings, error) {
	if k.Registered {
		return maps.Clone(given), nil
	}
	return readSettings(k.Attributes, given)
}

// BothDirections is what every kind so far may be put on.
func BothDirections() []event.Direction {
	return []event.Direction{event.Upstream, event.Downstream}
}

// CompleteSpec checks a Spec against a kind that is in another catalogue than this
// package's and returns it with name, toxicity and every attribute set. The
// error tells everything that is wrong with it, one line each.
func (k Kind) CompleteSpec(spec Spec) (Spec, error) {
	t := withDefaults(spec)
	s, err := k.ReadSettings(spec.Attributes)
	if err = errors.Join(t.validateSpec(k), err); err != nil {
		return Spec{}, PrefixErrors(err, "toxic "+spec.Type+": ")
	}
	t.Attributes = s
	return t, nil
}

// LookupKind returns the kind of the given name. Its error suggests another name of
// the list.
func LookupKind(kinds []Kind, name string) (Kind, error) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i >= 0 {
		return kinds[i], nil
	}
	var known []string
	for _, k := range kinds {
		known = append(known, k.Name)
	}
	return Kind{}, fmt.Errorf("toxic type %q is unknown%s", name, didYouMean(name, known))
}
