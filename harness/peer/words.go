package peer

import (
	"slices"
	"strings"
)

// ReplaceWords returns a copy of texts, such as the arguments of a command, with each word, such as
// {self}, replaced by the value behind it.
func ReplaceWords(texts []string, wordsAndValues ...string) []string {
	r := strings.NewReplacer(wordsAndValues...)
	out := slices.Clone(texts)
	for i, text := range out {
		out[i] = r.Replace(text)
	}
	return out
}
