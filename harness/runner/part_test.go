package runner

import (
	"fmt"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

// The parts of a sweep are disjoint and complete.
func TestPartsCoverEveryVariantOnce(t *testing.T) {
	var variants []scenario.Variant
	for i := range 11 {
		variants = append(variants, scenario.Variant{Name: fmt.Sprint(i)})
	}
	seen := map[string]int{}
	for _, remainders := range [][]int{{0}, {1, 3}, {2}} {
		for _, v := range (Part{Of: 4, Remainders: remainders}).pickVariants(variants) {
			seen[v.Name]++
		}
	}
	for _, v := range variants {
		if seen[v.Name] != 1 {
			t.Errorf("variant %s is in %d parts, want 1", v.Name, seen[v.Name])
		}
	}
	if got := (Part{}).pickVariants(variants); len(got) != len(variants) {
		t.Errorf("the zero part has %d of %d variants, want all", len(got), len(variants))
	}
}
