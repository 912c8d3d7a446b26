package toxics

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// DrawDelay draws one delay as the latency toxic does: milliseconds, and one of the
// words that its distribution may be.
func DrawDelay(mean, jitter int64, distribution string, chance *rand.Rand) time.Duration {
	return latency{mean, jitter, distribution}.drawDelay(chance)
}

// CompleteSpec checks a Spec against a kind that is in another catalogue than this
// package's and returns it with name, toxicity and every attribute set. The
// error tells everything that is wrong with it, one line each.
func (k Kind) CompleteSpec(spec Spec) (Spec, error) {
	t := Toxic{Spec: withDefaults(spec)}
	s, err := k.readSettings(spec.Attributes)
	if err = errors.Join(t.validateToxic(k), err); err != nil {
		return Spec{}, prefixErrors(err, "toxic "+spec.Type+": ")
	}
	t.Attributes = s
	return t.Spec, nil
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
