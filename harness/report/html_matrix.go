package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// A pageMatrix is targets by topics.
type pageMatrix struct {
	Topics []string
	Rows   []pageMatrixRow
}

type pageMatrixRow struct {
	Target string
	Cells  []pageCell
}

// A pageCell is all results of a topic on a target: its worst verdict and how many
// variants have it.
type pageCell struct {
	pageSign
	Count int
	Link  string
	Hint  string
}

// newPageMatrix returns nil where there are no results.
func newPageMatrix(d outcome.Run, strict bool, index findingIndex) *pageMatrix {
	type place struct{ target, topic string }
	var targets, topics []string
	counts := map[place]*[sections]int{}
	links := map[place]string{}
	worst := map[place]section{}
	for _, r := range d.Results {
		if r.Verdict == outcome.Stale {
			continue // that is of a waiver, whose target is a pattern
		}
		at := place{r.Target, topicFolder(r.Scenario)}
		if counts[at] == nil {
			counts[at] = &[sections]int{}
		}
		if !slices.Contains(targets, r.Target) {
			targets = append(targets, r.Target)
		}
		if !slices.Contains(topics, at.topic) {
			topics = append(topics, at.topic)
		}
		s := sectionOf(r, strict)
		counts[at][s]++
		if link := index[resultID(r)]; s > worst[at] || links[at] == "" && s == worst[at] {
			worst[at], links[at] = s, link
		}
	}
	if len(targets) == 0 {
		return nil
	}
	m := &pageMatrix{}
	for _, topic := range topics {
		m.Topics = append(m.Topics, cleanLine(topic))
	}
	for _, target := range targets {
		row := pageMatrixRow{Target: cleanLine(target)}
		for _, topic := range topics {
			at := place{target, topic}
			row.Cells = append(row.Cells, newPageCell(counts[at], links[at]))
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func newPageCell(counts *[sections]int, link string) pageCell {
	if counts == nil {
		return pageCell{pageSign: pageSign{Class: "none"}, Hint: "not run"}
	}
	worst := passed
	var parts []string
	for s := range sections {
		if counts[s] == 0 {
			continue
		}
		if s != unsupported || counts[passed] == 0 {
			worst = s
		}
		parts = append(parts, fmt.Sprintf("%d %s", counts[s], signOf(s).Word))
	}
	return pageCell{signOf(worst), counts[worst], link, strings.Join(parts, ", ")}
}
