package spec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/sockharness/harness/harness/event"
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
	At             Trigger         // from when on it strikes; zero: from the start
	Attributes     map[string]any  // by attribute name; see [Kind.Attributes]
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

// validateSpec checks what every toxic has.
func (t Spec) validateSpec(kind Kind) error {
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

// PrefixErrors puts the subject before each of the joined errors.
func PrefixErrors(err error, subject string) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s%w", subject, err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, PrefixErrors(e, subject))
	}
	return errors.Join(errs...)
}
