package datagram

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A Toxic is a Spec that was found valid for datagrams. Two copies of one are
// the same toxic to a proxy: what it has counted goes on.
type Toxic struct {
	spec.Spec // complete; Toxicity is the share of datagrams that it strikes, 0 and less: none

	After uint64 // how many associations came before the first one that Connection counts, see [Proxy.Served]

	kind *kind // a pointer of its own for each that was made
}

// Catalogue returns every kind of toxic for datagrams.
func Catalogue() []spec.Kind {
	var list []spec.Kind
	for _, k := range toxicKinds() {
		list = append(list, k.Kind)
	}
	return list
}

// FindKind returns the kind of the given name.
func FindKind(name string) (spec.Kind, bool) {
	k, err := spec.LookupKind(Catalogue(), name)
	return k, err == nil
}

// MakeToxic checks a Spec and builds its toxic. The error tells everything that is
// wrong with it, one line each.
//
// Toxicity is the probability with which each single datagram is struck. A
// trigger is reached with a datagram, which is struck first: at.segment counts
// datagrams, at.byte their payloads, at.pattern is looked for within one.
func MakeToxic(given spec.Spec) (Toxic, error) {
	if _, err := spec.LookupKind(Catalogue(), given.Type); err != nil {
		if _, stream := toxics.FindKind(given.Type); stream {
			err = fmt.Errorf("toxic %s: %w", given.Type, ErrStream)
		}
		return Toxic{}, err
	}
	list := toxicKinds()
	k := &list[slices.IndexFunc(list, func(k kind) bool { return k.Name == given.Type })]
	given, err := k.CompleteSpec(given)
	if err != nil {
		return Toxic{}, err
	}
	if given.At.Frame > 0 {
		return Toxic{}, fmt.Errorf("toxic %s: at.frame does not occur with datagrams; use segment, the n-th datagram", given.Type)
	}
	if slices.Contains([]string{"eof", "fin", "rst"}, given.At.Event) {
		return Toxic{}, fmt.Errorf("toxic %s: at.event=%s does not occur with datagrams; use open, accept or answer", given.Type, given.At.Event)
	}
	return Toxic{Spec: given, kind: k}, nil
}

// MakeToxics makes the toxics of several specifications. The error is that of the first one
// that is wrong.
func MakeToxics(specs []spec.Spec) ([]Toxic, error) {
	var list []Toxic
	for _, spec := range specs {
		made, err := MakeToxic(spec)
		if err != nil {
			return nil, err
		}
		list = append(list, made)
	}
	return list, nil
}

// ErrStream is what makes a toxic useless on datagrams.
var ErrStream = errors.New("works on streams only, and this proxy forwards datagrams")

// appliesTo reports whether the toxic is for the association of that number.
func (t Toxic) appliesTo(id uint64) bool {
	return spec.HasConnection(t.Connection, t.LastConnection, t.After, id)
}
