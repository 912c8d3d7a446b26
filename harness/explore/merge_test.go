package explore

import (
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A shard counts once: given twice, explored again, or beside the document that it was merged into.
func TestMergedShardsCountOnce(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	shard := func(index, points int, cells string, started time.Time) NamedDocument {
		at := int64(index)
		finding := Finding{ID: "f", Target: "kv", Role: scenario.Server, Places: []Places{{Ranges: [][2]int64{{at, at}}, Points: 1}}}
		return NamedDocument{Name: "s.json", Document: Document{
			Run:      outcome.Run{Version: 1, ID: "r", Started: started, Shard: &outcome.Shard{Index: index, Total: 2}},
			Findings: []Finding{finding},
			Searches: []Search{{Target: "kv", Role: scenario.Server, Plan: Plan{Points: points}, Points: points, Rate: 2, Unsteady: []string{"once"},
				Strips: []Strip{{Direction: event.Upstream, Fault: "fin", Cells: cells}}}},
		}}
	}
	one, two := shard(1, 10, "-.-.", start), shard(2, 20, ".-.-", start.Add(time.Second))
	merge := func(documents ...NamedDocument) NamedDocument {
		t.Helper()
		d, err := MergeShards(documents)
		if err != nil {
			t.Fatal(err)
		}
		return NamedDocument{Name: "merged.json", Document: d}
	}
	whole := merge(one, two)
	for name, got := range map[string]NamedDocument{
		"both": whole, "one of them twice": merge(one, two, one), "one explored again": merge(shard(1, 99, "-.-.", start.Add(-time.Hour)), two, one),
		"merged before": merge(one, two, whole, whole), "merged before, given first": merge(whole, two, one),
		"half of it merged before": merge(merge(one), whole, two), "half of it explored again": merge(merge(shard(1, 99, "-.-.", start.Add(-time.Hour)), two), one),
	} {
		s := got.Searches
		if len(s) != 1 || s[0].Points != 30 || s[0].Plan.Points != 30 || s[0].Rate != 4 || len(s[0].Unsteady) != 2 {
			t.Errorf("%s: got %+v, want 10 and 20 points of a search", name, s)
		}
		if len(got.Findings) != 1 || len(got.Findings[0].Places) != 2 {
			t.Errorf("%s: got %+v, want the places of both shards", name, got.Findings)
		}
	}
}
