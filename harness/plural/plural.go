// Package plural writes a number with its noun.
//
//	plural.Count(1, "byte")      // 1 byte
//	plural.Count(2, "query")     // 2 queries
//	plural.Count(0, "process")   // 0 processes
package plural

import (
	"fmt"
	"strings"
)

// An integer is any number that counts.
type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Count writes n and the noun, which is in the singular: "1 byte", "2 bytes".
func Count[N integer](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %s", n, plural(noun))
}

// plural forms the plural as English does, without its exceptions.
func plural(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "y"); ok && !endsIn(stem, "a", "e", "o") {
		return stem + "ies"
	}
	if endsIn(noun, "s", "x", "ch", "sh") {
		return noun + "es"
	}
	return noun + "s"
}

// Singular undoes what [Count] does to a noun; what is in the singular stays.
func Singular(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "ies"); ok {
		return stem + "y"
	}
	if stem, ok := strings.CutSuffix(noun, "es"); ok && endsIn(stem, "s", "x", "ch", "sh") {
		return stem
	}
	if endsIn(noun, "ss") {
		return noun
	}
	return strings.TrimSuffix(noun, "s")
}

func endsIn(word string, suffixes ...string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(word, s) {
			return true
		}
	}
	return false
}
