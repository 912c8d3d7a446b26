package document

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// suggestion says what an unknown key may have meant.
func suggestion[V any](key string, known map[string]V) string {
	names := slices.Sorted(maps.Keys(known))
	if near := closest(key, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here: " + strings.Join(names, ", ")
}

// closest returns the choice that differs from word by the fewest typing
// errors, or "" if each differs by more than a third of its letters.
func closest(word string, choices []string) string {
	best, least := "", 1<<30
	if len(word) > 64 {
		return ""
	}
	for _, c := range choices {
		n := distance(fold(word), fold(c))
		if n < least && n <= max(1, len(c)/3) {
			best, least = c, n
		}
	}
	return best
}

// fold makes the spellings of one word equal: half_close, half-close, HalfClose.
func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the optimal string alignment distance: the number of letters
// inserted, deleted, changed, or swapped with their neighbour.
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
