package waiver

import (
	"path"
	"strings"
)

// A Pattern is that of path.Match, where * and ? match a slash too. The empty
// one matches everything.
type Pattern string

// flat hides slashes from path.Match.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

func (p Pattern) match(name string) bool {
	if p == "" {
		return true
	}
	ok, err := path.Match(flat(string(p)), flat(name))
	return ok && err == nil
}

func (p Pattern) check() error {
	_, err := path.Match(flat(string(p)), "")
	return err
}

// literal is the pattern that matches the name and nothing else.
func literal(name string) Pattern {
	return Pattern(strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name))
}
