// Package suggest finds the word that was meant when an unknown one was typed.
//
//	if hint := suggest.Hint("laetncy", []string{"latency", "slicer"}); hint != "" {
//		return fmt.Errorf("toxic type %q is unknown, %s", "laetncy", hint) // did you mean "latency"?
//	}
//
// Every message of the harness that asks "did you mean" asks here, so that a
// typing error in a flag, a file and a request gets the same suggestion.
package suggest

import (
	"fmt"
	"strings"
)

// maxWordLength bounds the work for a word that somebody else sends: nobody
// mistypes a name of more bytes.
const maxWordLength = 64

// Hint returns `did you mean "latency"?` with the choice that is [Closest] to
// the word, or "" if no choice is close.
func Hint(word string, choices []string) string {
	closest := Closest(word, choices)
	if closest == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", closest)
}

// Closest returns the choice that differs from the word by the fewest typing
// errors, the first of several, or "" if each differs by more than a third of
// its letters. The case of letters, hyphens, underscores and spaces do not count.
func Closest(word string, choices []string) string {
	if len(word) > maxWordLength {
		return ""
	}
	closest, fewest := "", maxWordLength+1
	for _, choice := range choices {
		errors := editDistance(foldSpelling(word), foldSpelling(choice))
		if errors < fewest && errors <= max(1, len(choice)/3) {
			closest, fewest = choice, errors
		}
	}
	return closest
}

// foldSpelling makes the spellings of one word equal: half_close, half-close, HalfClose.
func foldSpelling(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// editDistance is the optimal string alignment distance: the number of letters
// inserted, deleted, changed, or swapped with their neighbour.
func editDistance(a, b string) int {
	var before []int // the row of two letters ago
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
