package waiver

import (
	"path"
	"strings"
)

// A Pattern is that of path.Match, where * and ? match a slash too. The empty
// one matches everything.
type Pattern string

// hideSlashes hides slashes from path.Match.
func hideSlashes(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

func (p Pattern) matchName(name string) bool {
	if p == "" {
		return true
	}
	ok, err := path.Match(hideSlashes(string(p)), hideSlashes(name))
	return ok && err == nil
}

func (p Pattern) checkSyntax() error {
	_, err := path.Match(hideSlashes(string(p)), "")
	return err
}

// literalPattern is the pattern that matches the name and nothing else.
func literalPattern(name string) Pattern {
	return Pattern(strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name))
}
