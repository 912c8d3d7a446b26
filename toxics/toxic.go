package toxics

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// A Spec says which toxic, on which link, from when on.
type Spec struct {
	Name           string          // default: <type>_<direction>
	Type           string          // a name of the catalogue, or of Toxiproxy's registry
	Direction      event.Direction // the link that it tampers with; upstream unless it is set
	Toxicity       float64         // probability per connection; 0 means not given, that is 1; below 0: never
	Connection     uint64          // the n-th connection of the proxy, from 1; 0: every one
	LastConnection uint64          // the last one of those that Connection begins with; 0: that one alone
	Seed           *int64          // of what is random in it; nil: that of the proxy
	At             Trigger
	Attributes     map[string]any // by attribute name; see [Kind.Attributes]
}

// A Toxic is a Spec that was found valid, and what runs in its place.
type Toxic struct {
	Spec                         // complete: name, toxicity and every attribute are set
	Instance   tp.Toxic          // for the link; can be attached
	BufferSize int               // capacity, in chunks, of the channel before it
	Window     hook.SocketLimits // to be set, before listen or connect, on the socket that receives in Direction
	Refuse     bool              // connection-level: the proxy refuses to connect, the link has nothing to do
	Watch      tp.Toxic          // for the opposite direction of the same connections, as it tells Instance when to strike; nil: nothing
}

// MakeToxic checks a Spec and builds its toxic. The error tells everything that is
// wrong with it, one line each.
func MakeToxic(spec Spec) (Toxic, error) {
	kind, ok := FindKind(spec.Type)
	if !ok {
		return Toxic{}, fmt.Errorf("toxic type %q is unknown%s", spec.Type, didYouMean(spec.Type, catalogueNames()))
	}
	t := Toxic{Spec: withDefaults(spec)}
	s, err := kind.readSettings(spec.Attributes)
	err = errors.Join(t.validateToxic(kind), err)
	if err == nil {
		t.Attributes = s
		err = kind.build(s, &t)
	}
	if err == nil && t.Refuse {
		err = CheckRefuse(t.Connection, t.Toxicity)
	}
	if err != nil {
		return Toxic{}, prefixErrors(err, "toxic "+spec.Type+": ")
	}
	f, ok := t.Instance.(*attachable)
	if !ok {
		return t, nil
	}
	f.seed = t.Seed
	if !t.At.IsZero() {
		f.behavior = triggered{t.At, t.patternKey(), f.behavior}
	}
	if len(t.At.Opposite) > 0 {
		t.Watch = &attachable{behavior: t.patternKey()}
	}
	return t, nil
}

// CheckRefuse finds a refusal of some connections, which a port cannot do: it refuses
// all, or accepts and has each reset.
func CheckRefuse(connection uint64, toxicity float64) error {
	if connection != 0 || toxicity > 0 && toxicity < 1 {
		return errors.New("it refuses every connection, so that connection and a toxicity below 1 have no meaning; reset with at.byte=0 accepts some and resets them")
	}
	return nil
}

// withDefaults sets the defaults of a Spec and takes a copy of what it points to.
func withDefaults(spec Spec) Spec {
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

// validateToxic checks what every toxic has.
func (t *Toxic) validateToxic(kind Kind) error {
	var errs []error
	if t.Direction > event.Downstream {
		errs = append(errs, fmt.Errorf("direction must be upstream or downstream, got %d", t.Direction))
	}
	if math.IsNaN(t.Toxicity) || math.IsInf(t.Toxicity, 0) {
		errs = append(errs, fmt.Errorf("toxicity must be a number, got %v", t.Toxicity))
	}
	if t.LastConnection != 0 && (t.Connection == 0 || t.LastConnection < t.Connection) {
		errs = append(errs, fmt.Errorf("connections must end where they begin or later, got %d-%d", t.Connection, t.LastConnection))
	}
	if kind.Connection && !t.At.IsZero() {
		errs = append(errs, fmt.Errorf("it applies to the connection and has no trigger, got %v", t.At))
	}
	if t.At.Frame > 0 && t.At.Framing == "" {
		errs = append(errs, errors.New("at.frame needs a framing, of the proxy or its own, such as at.framing=line"))
	}
	return errors.Join(append(errs, t.At.validateTrigger())...)
}

// prefixErrors puts the subject before each of the joined errors.
func prefixErrors(err error, subject string) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s%w", subject, err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, prefixErrors(e, subject))
	}
	return errors.Join(errs...)
}
