package coordinator

import (
	"fmt"
	"slices"

	"github.com/onsi/ginkgo/v2/types"
)

// PlanSpecs turns the report of a preview (PreviewSpecs, or a binary run with
// --ginkgo.dry-run) into the specs to run. The preview must have had the seed
// and the filters of the run. Skipped specs are left out, pending ones are not:
// workers report them.
//
// The report says which specs are in an Ordered container but not which of the
// nested containers is the Ordered one: Plan takes the innermost. Where that is
// not so, indexes come out too high and Run reports a plan that does not fit.
func PlanSpecs(preview types.Report) []Spec {
	var specs []Spec
	next := map[bool]int{}
	previous := map[bool]types.SpecReport{}
	for _, r := range preview.SpecReports {
		if r.LeafNodeType != types.NodeTypeIt {
			continue
		}
		serial := r.IsSerial
		if before, ok := previous[serial]; !ok || !sameOrdered(before, r) {
			next[serial]++
		}
		previous[serial] = r
		if r.State == types.SpecStateSkipped {
			continue
		}
		specs = append(specs, Spec{Index: next[serial] - 1, Name: r.FullText(), Group: outermostContainer(r), Serial: serial, Preview: r})
	}
	return specs
}

func sameOrdered(a, b types.SpecReport) bool {
	return a.IsInOrderedContainer && b.IsInOrderedContainer &&
		slices.Equal(a.ContainerHierarchyTexts, b.ContainerHierarchyTexts) &&
		slices.EqualFunc(a.ContainerHierarchyLocations, b.ContainerHierarchyLocations, func(x, y types.CodeLocation) bool {
			return x.FileName == y.FileName && x.LineNumber == y.LineNumber
		})
}

// outermostContainer names the top-level container by text and place: two containers with the
// same text are two groups.
func outermostContainer(r types.SpecReport) string {
	if len(r.ContainerHierarchyTexts) == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%s)", r.ContainerHierarchyTexts[0], r.ContainerHierarchyLocations[0])
}
