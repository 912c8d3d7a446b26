package datagram

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/toxics"
)

// A Toxic is a Spec that was found valid for datagrams. Two copies of one are
// the same toxic to a proxy: what it has counted goes on.
type Toxic struct {
	toxics.Spec // complete; Toxicity is the share of datagrams that it strikes, 0 and less: none

	kind *kind // a pointer of its own for each that was made
}

// Catalogue returns every kind of toxic for datagrams.
func Catalogue() []toxics.Kind {
	var list []toxics.Kind
	for _, k := range kinds() {
		list = append(list, k.Kind)
	}
	return list
}

// Find returns the kind of the given name.
func Find(name string) (toxics.Kind, bool) {
	k, err := toxics.Lookup(Catalogue(), name)
	return k, err == nil
}

// Make checks a Spec and builds its toxic. The error tells everything that is
// wrong with it, one line each.
//
// Toxicity is the probability with which each single datagram is struck. A
// trigger is reached with a datagram, which is struck first: at.segment counts
// datagrams, at.byte their payloads, at.pattern is looked for within one.
func Make(spec toxics.Spec) (Toxic, error) {
	if _, err := toxics.Lookup(Catalogue(), spec.Type); err != nil {
		if _, stream := toxics.Find(spec.Type); stream {
			err = fmt.Errorf("toxic %s: %w", spec.Type, ErrStream)
		}
		return Toxic{}, err
	}
	list := kinds()
	k := &list[slices.IndexFunc(list, func(k kind) bool { return k.Name == spec.Type })]
	spec, err := k.Complete(spec)
	if err != nil {
		return Toxic{}, err
	}
	if slices.Contains([]string{"eof", "fin", "rst"}, spec.At.Event) {
		return Toxic{}, fmt.Errorf("toxic %s: at.event=%s never happens to datagrams: only open, accept and answer do", spec.Type, spec.At.Event)
	}
	return Toxic{Spec: spec, kind: k}, nil
}

// ErrStream is what makes a toxic useless on datagrams.
var ErrStream = errors.New("it is for streams and cannot act on datagrams")

// covers reports whether the toxic is for the association of that number.
func (t Toxic) covers(id uint64) bool {
	return t.Connection == 0 || t.Connection <= id && id <= max(t.Connection, t.Through)
}

// settings are the attributes of a toxic, complete and within their ranges.
type settings map[string]any

func (s settings) int(name string) int64     { return s[name].(int64) }
func (s settings) bool(name string) bool     { return s[name].(bool) }
func (s settings) word(name string) string   { return s[name].(string) }
func (s settings) share(name string) float64 { return s[name].(float64) }
func (s settings) duration(name string) time.Duration {
	return time.Duration(s.int(name)) * time.Millisecond
}
