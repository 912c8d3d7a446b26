package coordinator

import (
	"slices"
	"testing"

	"github.com/onsi/ginkgo/v2/types"
)

func TestPlanNumbersAsGinkgoDoes(t *testing.T) {
	spec := func(container, text string, state types.SpecState, ordered, serial bool) types.SpecReport {
		return types.SpecReport{ContainerHierarchyTexts: []string{container}, ContainerHierarchyLocations: []types.CodeLocation{{FileName: container}},
			LeafNodeType: types.NodeTypeIt, LeafNodeText: text, State: state, IsInOrderedContainer: ordered, IsSerial: serial}
	}
	run, skip, pending := types.SpecStatePassed, types.SpecStateSkipped, types.SpecStatePending
	got := PlanSpecs(types.Report{SpecReports: types.SpecReports{
		{LeafNodeType: types.NodeTypeBeforeSuite},
		spec("a", "1", run, false, false),
		spec("a", "2", skip, false, false),
		spec("a", "3", pending, false, false),
		spec("b", "1", run, true, false),
		spec("s", "1", run, true, true),
		spec("s", "2", run, true, true),
		spec("b", "2", run, true, false),
		spec("c", "1", run, true, false),
		spec("s", "3", run, false, true),
	}})
	type row struct {
		index  int
		name   string
		serial bool
	}
	want := []row{{0, "a 1", false}, {2, "a 3", false}, {3, "b 1", false}, {0, "s 1", true}, {0, "s 2", true}, {3, "b 2", false}, {4, "c 1", false}, {1, "s 3", true}}
	var rows []row
	for _, s := range got {
		rows = append(rows, row{s.Index, s.Name, s.Serial})
	}
	if !slices.Equal(rows, want) {
		t.Errorf("got %v\nwant %v", rows, want)
	}
}
