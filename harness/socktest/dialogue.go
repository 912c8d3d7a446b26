package socktest

import (
	"fmt"
	"os"

	"github.com/sockharness/harness/harness/scenario"
)

// A Dialogue is a conversation written down, for [TestServer] and [TestClient].
type Dialogue struct {
	source scenario.Source
	err    error
}

// DialogueFile reads a dialogue from a YAML file, see `harness schema dialogue`.
func DialogueFile(path string) Dialogue {
	text, err := os.ReadFile(path)
	if err != nil {
		return Dialogue{err: fmt.Errorf("dialogue: %w", err)}
	}
	return Dialogue{source: scenario.Source{File: path, Text: text}}
}

// DialogueText reads a dialogue from YAML.
func DialogueText(yaml string) Dialogue {
	return Dialogue{source: scenario.Source{File: "dialogue", Text: []byte(yaml)}}
}

// Exchanges is a dialogue of lines: a request, its reply, the next request, and so on.
func Exchanges(requestsAndReplies ...string) Dialogue {
	d := Dialogue{}
	if n := len(requestsAndReplies); n == 0 || n%2 != 0 {
		d.err = fmt.Errorf("dialogue: want requests and replies in turn, got %d texts", n)
	}
	for i, text := range requestsAndReplies {
		if i%2 == 0 {
			d.source.Send = append(d.source.Send, text)
			continue
		}
		d.source.Expect = append(d.source.Expect, text)
	}
	return d
}
