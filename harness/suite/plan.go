package suite

import (
	"cmp"
	"math/rand"
	"slices"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/scenario"
)

// PlanSpecs returns the specs of the topics that are selected, grouped by target in the
// order of the targets: what takes long can come first. It runs nothing. In a zoo a broken
// target is played to by one worker: others would have to learn again how it hangs or spins.
// Broken targets come first there, because at the end idle workers can share only the others.
func (j Job) PlanSpecs(topics []Topic) []coordinator.Spec {
	specs := j.orderedSpecs(topics)
	whole, at := map[string]bool{}, map[string]int{}
	for i, t := range j.Targets {
		at[t.Name], whole[t.Name] = i, needsOneWorker(t) || j.Runner.Zoo && t.Planted != ""
	}
	for i := range specs {
		specs[i].Whole = whole[specs[i].Group]
	}
	rank := map[string]int{}
	for _, t := range j.Targets {
		rank[t.Name] = j.zooRank(t, whole[t.Name])
	}
	slices.SortStableFunc(specs, func(a, b coordinator.Spec) int {
		return cmp.Or(cmp.Compare(rank[a.Group], rank[b.Group]), cmp.Compare(at[a.Group], at[b.Group]))
	})
	return specs
}

// orderedSpecs returns the specs as Ginkgo would select and order them: topics as the seed has it, the
// specs of one by name. Ginkgo itself takes a tenth of the time of 1,000 short scenarios for it.
func (j Job) orderedSpecs(topics []Topic) (specs []coordinator.Spec) {
	b := j.newRegistry()
	matches, err := types.ParseLabelFilter(j.LabelFilter)
	if err != nil {
		return nil // see CheckFilter
	}
	var declared [][]coordinator.Spec
	for _, t := range j.selectTopics(topics) {
		if all := b.specsOf(t.Name, t.List()); len(all) > 0 {
			declared = append(declared, all)
		}
	}
	for _, i := range rand.New(rand.NewSource(j.Runner.Seed)).Perm(len(declared)) {
		for _, s := range declared[i] {
			if j.LabelFilter == "" || matches(s.Preview.LeafNodeLabels) {
				s.Index = len(specs)
				specs = append(specs, s)
			}
		}
	}
	return specs
}

// zooRank orders the targets of a zoo: those that one worker plays come first, then those of a server
// that is started for each conversation, which take the longest of the others.
func (j Job) zooRank(t scenario.Target, whole bool) int {
	switch {
	case !j.Runner.Zoo || whole:
		return 0
	case t.Transport().IsStdio():
		return 1
	}
	return 2
}

// needsOneWorker reports whether a second process of the server, in another worker,
// may want the port of the first, or whether workers that talk to the same server may
// disturb each other.
func needsOneWorker(t scenario.Target) bool {
	server := t.Server
	return server.Address != "" && t.State != scenario.StateConnection || len(server.Command) > 0 && !t.ServerCommand().TakesAddress()
}
