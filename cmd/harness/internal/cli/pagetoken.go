package cli

import (
	"crypto/rand"
	"strings"
)

// PageToken returns the token of the live page, if there is to be one: the one of the
// API, which lives through a restart, or a new one.
func PageToken(wanted bool, token string) (string, error) {
	switch {
	case !wanted:
		return "", nil
	case token == "":
		return rand.Text(), nil
	case strings.ContainsAny(token, " \t\r\n"):
		return "", UsageErrorf("--token: a token has no white space")
	}
	return token, nil
}
