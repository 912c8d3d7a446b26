package runner

import (
	"slices"

	"github.com/sockharness/harness/harness/scenario"
)

// A Part is a share of the variants of a scenario on a target: those whose number leaves
// one of the remainders when it is divided by Of. The zero value is all of them.
type Part struct {
	Of         int   // number of parts; 0 or 1: there is one
	Remainders []int // which parts are taken
}

// pickVariants returns the variants of the part, in order.
func (p Part) pickVariants(variants []scenario.Variant) []scenario.Variant {
	if p.Of <= 1 {
		return variants
	}
	var picked []scenario.Variant
	for i, v := range variants {
		if slices.Contains(p.Remainders, i%p.Of) {
			picked = append(picked, v)
		}
	}
	return picked
}
