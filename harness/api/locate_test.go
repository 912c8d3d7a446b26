package api

import (
	"errors"
	"strings"
	"testing"
)

// A mistake in a configuration has a place; it is told in the user's words.
func TestMistakesInAConfigurationHaveAPlace(t *testing.T) {
	d, _ := serve(t, Config{})
	for text, want := range map[string]string{
		"":                                       "1:1: the list is incomplete: want a list of proxies",
		"[{\"name\":\"a\"":                       "1:13: the list is incomplete",
		"[\n {\"name\":\"a\", upstream:1}]":      "2:15: invalid character 'u'",
		"{}":                                     "1:1: want a list of proxies, got an object",
		"\n\n 7":                                 "3:2: want a list of proxies, got a number",
		"[{\"name\":\"a\",\n\"upstream\":true}]": "2:15: upstream cannot be a bool",
	} {
		_, err := d.PopulateFrom(t.Context(), strings.NewReader(text))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
