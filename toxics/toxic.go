package toxics

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/wire"
)

// A Spec says which toxic, on which link, from when on.
type Spec struct {
	Name       string          // default: <type>_<direction>
	Type       string          // a name of the catalogue, or of Toxiproxy's registry
	Direction  event.Direction // the link that it tampers with
	Toxicity   float64         // probability per connection; 0 means not given, that is 1; below 0: never
	Connection uint64          // the n-th connection of the proxy, from 1; 0: every one
	Through    uint64          // the last one of those that Connection begins with; 0: that one alone
	Seed       *int64          // of what is random in it; nil: that of the proxy
	At         Trigger
	Attributes map[string]any // by attribute name; see [Kind.Attributes]
}

// A Toxic is a Spec that was found valid, and what runs in its place.
type Toxic struct {
	Spec                   // complete: name, toxicity and every attribute are set
	Instance   tp.Toxic    // for the link; can be attached
	BufferSize int         // capacity, in chunks, of the channel before it
	Window     wire.Window // to be set, before listen or connect, on the socket that receives in Direction
	Refuse     bool        // connection-level: the proxy refuses to connect, the link has nothing to do
	Watch      tp.Toxic    // for the opposite direction of the same connections, as it tells Instance when to strike; nil: nothing
}

// Make checks a Spec and builds its toxic. The error tells everything that is
// wrong with it, one line each.
func Make(spec Spec) (Toxic, error) {
	kind, ok := Find(spec.Type)
	if !ok {
		return Toxic{}, fmt.Errorf("toxic type %q is unknown%s", spec.Type, didYouMean(spec.Type, names()))
	}
	t := Toxic{Spec: complete(spec)}
	s, err := kind.read(spec.Attributes)
	err = errors.Join(t.validate(kind), err)
	if err == nil {
		t.Attributes = s
		err = kind.build(s, &t)
	}
	if err != nil {
		return Toxic{}, name(err, "toxic "+spec.Type+": ")
	}
	f, ok := t.Instance.(*fault)
	if !ok {
		return t, nil
	}
	f.seed = t.Seed
	if !t.At.IsZero() {
		f.starter = triggered{t.At, t.sighting(), f.starter}
	}
	if len(t.At.Opposite) > 0 {
		t.Watch = &fault{starter: t.sighting()}
	}
	return t, nil
}

// complete sets the defaults of a Spec and takes a copy of what it points to.
func complete(spec Spec) Spec {
	if spec.Name == "" {
		spec.Name = spec.Type + "_" + spec.Direction.String()
	}
	if spec.Toxicity == 0 {
		spec.Toxicity = 1
	}
	if spec.At.Byte != nil {
		n := *spec.At.Byte
		spec.At.Byte = &n
	}
	if spec.Seed != nil {
		seed := *spec.Seed
		spec.Seed = &seed
	}
	spec.At.Pattern, spec.At.Opposite = slices.Clone(spec.At.Pattern), slices.Clone(spec.At.Opposite)
	spec.Attributes = maps.Clone(spec.Attributes)
	return spec
}

// validate checks what every toxic has.
func (t *Toxic) validate(kind Kind) error {
	var errs []error
	if t.Direction > event.Downstream {
		errs = append(errs, fmt.Errorf("direction must be upstream or downstream, got %d", t.Direction))
	}
	if math.IsNaN(t.Toxicity) || math.IsInf(t.Toxicity, 0) {
		errs = append(errs, fmt.Errorf("toxicity must be a number, got %v", t.Toxicity))
	}
	if t.Through != 0 && (t.Connection == 0 || t.Through < t.Connection) {
		errs = append(errs, fmt.Errorf("connections must end where they begin or later, got %d-%d", t.Connection, t.Through))
	}
	if kind.Connection && !t.At.IsZero() {
		errs = append(errs, fmt.Errorf("it acts on the connection and takes no trigger, got %v", t.At))
	}
	return errors.Join(append(errs, t.At.validate())...)
}

// name puts the subject before each of the joined errors.
func name(err error, subject string) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s%w", subject, err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, name(e, subject))
	}
	return errors.Join(errs...)
}
