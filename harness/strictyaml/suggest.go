package strictyaml

import (
	"maps"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/suggest"
)

// suggestKey says what an unknown key may have meant.
func suggestKey[V any](key string, known map[string]V) string {
	names := slices.Sorted(maps.Keys(known))
	if hint := suggest.Hint(key, names); hint != "" {
		return hint
	}
	return "allowed here: " + strings.Join(names, ", ")
}

// Suggestion says which of the choices a word may have meant, or lists them.
func Suggestion(word string, choices ...string) string {
	known := map[string]bool{}
	for _, c := range choices {
		known[c] = true
	}
	return suggestKey(word, known)
}
