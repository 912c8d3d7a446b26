package targets

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/peer"
)

// ReplayFlags repeats the flags that describe the target of the given name.
func (f *Flags) ReplayFlags(name string) string {
	words := f.FlagWords(name)
	var b strings.Builder
	for i := 0; i < len(words); i += 2 {
		fmt.Fprintf(&b, " %s %s", words[i], QuoteWord(words[i+1]))
	}
	return b.String()
}

// FlagWords is the same as words, each flag followed by its value.
func (f *Flags) FlagWords(name string) []string {
	var words []string
	add := func(flag string, values ...string) {
		for _, v := range values {
			if v != "" {
				words = append(words, "--"+flag, v)
			}
		}
	}
	if !f.fromFlags() {
		add("config", f.ConfigFile())
		add("target", name)
		add("policy", f.policies...)
		return words
	}
	add("server", f.server)
	add("client", f.client)
	add("connects-to", f.connectsTo...)
	add("dialogue", f.dialogue)
	add("send", f.send...)
	add("expect", f.expect...)
	add("framing", f.framing)
	add("policy", f.policies...)
	add("test", f.test)
	add("transport", f.transport)
	return words
}

// QuoteWord writes a word as a shell reads it.
func QuoteWord(word string) string { return peer.FormatCommand([]string{word}) }
