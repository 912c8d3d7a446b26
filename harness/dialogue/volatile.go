package dialogue

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
)

// A hole is a volatile part of expected bytes.
type hole struct {
	from, to int
	regex    *regexp.Regexp // anchored at the beginning
	prefix   string         // which every match begins with
}

// findHoles returns the volatile parts of b in order; of two that overlap, the
// first.
func findHoles(b []byte, volatile []*regexp.Regexp) []hole {
	var all []hole
	for _, re := range volatile {
		anchor, err := anchorRegex(re, false)
		if err != nil {
			continue
		}
		prefix, _ := re.LiteralPrefix()
		for _, at := range re.FindAllIndex(b, -1) {
			if at[1] > at[0] {
				all = append(all, hole{from: at[0], to: at[1], regex: anchor, prefix: prefix})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b hole) int { return cmp.Compare(a.from, b.from) })
	kept, end := all[:0], 0
	for _, h := range all {
		if h.from >= end {
			kept, end = append(kept, h), h.to
		}
	}
	return kept
}

// volatileSpans returns the volatile extents of b, those that overlap or touch
// joined.
func volatileSpans(b []byte, volatile []*regexp.Regexp) [][2]int {
	var all [][2]int
	for _, re := range volatile {
		for _, at := range re.FindAllIndex(b, -1) {
			if at[1] > at[0] {
				all = append(all, [2]int{at[0], at[1]})
			}
		}
	}
	slices.SortFunc(all, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	var joined [][2]int
	for _, s := range all {
		if last := len(joined) - 1; last >= 0 && s[0] <= joined[last][1] {
			joined[last][1] = max(joined[last][1], s[1])
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// maskedDifference compares two messages outside their volatile parts. It
// returns the offset in got of the first difference, or -1.
func maskedDifference(got, want []byte, volatile []*regexp.Regexp) int {
	g, w := volatileSpans(got, volatile), volatileSpans(want, volatile)
	atGot, atWant := 0, 0
	for i := 0; ; i++ {
		endGot, endWant := len(got), len(want)
		if i < len(g) {
			endGot = g[i][0]
		}
		if i < len(w) {
			endWant = w[i][0]
		}
		a, b := got[atGot:endGot], want[atWant:endWant]
		if !bytes.Equal(a, b) {
			return atGot + CommonPrefix(a, b)
		}
		if i >= len(g) || i >= len(w) {
			if (i < len(g)) != (i < len(w)) {
				return endGot
			}
			return -1
		}
		atGot, atWant = g[i][1], w[i][1]
	}
}
