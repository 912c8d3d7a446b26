package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// A pageTarget is the sweeps of one target.
type pageTarget struct {
	Target string
	Count  string
	Open   bool
	Strips []*pageStrip
}

// A pageStrip is all variants of a scenario on a target, runs of one outcome merged.
type pageStrip struct {
	Name     string
	Class    string // quiet: all passed
	Label    string // in words
	From, To string
	Variants int
	Runs     []pageRun
}

// A pageRun is successive variants with the same outcome.
type pageRun struct {
	pageSign
	Count   int
	Hint    string
	Link    string
	section section
	example outcome.Result
	names   []string
}

// stripsOf makes the strip of each scenario on each target.
func stripsOf(d outcome.Run, strict bool) map[scenarioKey]*pageStrip {
	worst := map[scenarioKey][]outcome.Result{} // of each variant, in order
	at := map[scenarioKey]map[string]int{}
	for _, r := range d.Results {
		if r.Verdict == outcome.Stale {
			continue
		}
		key := scenarioKey{r.Target, r.Scenario}
		if at[key] == nil {
			at[key] = map[string]int{}
		}
		i, known := at[key][r.Variant]
		switch {
		case !known:
			at[key][r.Variant] = len(worst[key])
			worst[key] = append(worst[key], r)
		case sectionOf(r, strict) > sectionOf(worst[key][i], strict):
			worst[key][i] = r
		}
	}
	strips := make(map[scenarioKey]*pageStrip, len(worst))
	for key, results := range worst {
		strips[key] = newStrip(key, results, strict)
	}
	return strips
}

func newStrip(key scenarioKey, results []outcome.Result, strict bool) *pageStrip {
	strip := &pageStrip{Name: cleanLine(key.scenario), Variants: len(results), Class: "quiet", From: cleanLine(results[0].Variant), To: cleanLine(results[len(results)-1].Variant)}
	for _, r := range results {
		s := sectionOf(r, strict)
		if s != passed && s != unsupported {
			strip.Class = ""
		}
		if n := len(strip.Runs); n > 0 && strip.Runs[n-1].section == s && strip.Runs[n-1].example.Check == r.Check {
			strip.Runs[n-1].Count++
			strip.Runs[n-1].names = append(strip.Runs[n-1].names, r.Variant)
			continue
		}
		strip.Runs = append(strip.Runs, pageRun{pageSign: signOf(s), Count: 1, section: s, example: r, names: []string{r.Variant}})
	}
	var words []string
	for i := range strip.Runs {
		run := &strip.Runs[i]
		run.Hint = strings.TrimSuffix(strings.TrimPrefix(cleanLine(variantList(run.names)+": "+run.Word), ": "), ": ")
		run.names = nil
		if len(words) < mostNames {
			words = append(words, run.Hint)
		}
	}
	strip.Label = strings.Join(words, "; ")
	if n := len(strip.Runs) - len(words); n > 0 {
		strip.Label += fmt.Sprintf("; and %d more", n)
	}
	return strip
}

// link makes the runs lead to their findings.
func (s *pageStrip) link(index findingIndex) {
	for i := range s.Runs {
		s.Runs[i].Link = index[resultID(s.Runs[i].example)]
	}
}

// pageSweeps lists every scenario of every target, in the order of the results.
func pageSweeps(d outcome.Run, strips map[scenarioKey]*pageStrip) []pageTarget {
	var targets []pageTarget
	at := map[string]int{}
	told := map[scenarioKey]bool{}
	for _, r := range d.Results {
		key := scenarioKey{r.Target, r.Scenario}
		strip, known := strips[key]
		if told[key] || !known {
			continue
		}
		told[key] = true
		i, ok := at[r.Target]
		if !ok {
			i = len(targets)
			at[r.Target] = i
			targets = append(targets, pageTarget{Target: cleanLine(r.Target)})
		}
		targets[i].Strips = append(targets[i].Strips, strip)
	}
	for i := range targets {
		t := &targets[i]
		t.Count = plural.Count(len(t.Strips), "scenario")
		t.Open = len(targets) <= 3 || slices.ContainsFunc(t.Strips, func(s *pageStrip) bool { return s.Class == "" })
		// What is not all green comes first.
		slices.SortStableFunc(t.Strips, func(a, b *pageStrip) int { return cmp.Compare(a.Class, b.Class) })
	}
	return targets
}
