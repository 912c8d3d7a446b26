package api

import (
	"errors"
	"strings"
	"testing"
)

// A port that is taken is none of the text's mistakes; the proxy that wants it is named.
func TestTakenPortInAConfigurationNamesTheProxy(t *testing.T) {
	d, _ := serve(t, Config{})
	busy := listen(t).Addr().String()
	_, err := d.PopulateFrom(t.Context(), strings.NewReader(`[{"name":"kv","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"},`+"\n"+`{"name":"taken","listen":"`+busy+`","upstream":"127.0.0.1:1"}]`))
	if want := `2:1: proxy "taken": listen tcp ` + busy; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

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
