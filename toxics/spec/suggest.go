package spec

import "github.com/sockharness/harness/harness/suggest"

// didYouMean returns a suggestion to append to "... is unknown".
func didYouMean(name string, known []string) string {
	if hint := suggest.Hint(name, known); hint != "" {
		return ", " + hint
	}
	return ""
}
