package capture

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A Guess is a framing and what speaks for it.
type Guess struct {
	YAML     string           // as a dialogue writes it
	Framing  dialogue.Framing // what fits the conversation
	Evidence string           // why it fits, for people
}

// candidates are the framings that are tried, those that fit by chance least first.
func candidates() []string {
	all := []string{"http", "resp", "content-length", "{line: crlf}", "line"}
	for _, size := range []int{4, 2, 8, 1} {
		for _, order := range []string{"big", "little"} {
			for _, counts := range []string{"payload", "length-and-rest"} {
				if size == 1 && order == "little" {
					continue
				}
				all = append(all, fmt.Sprintf("{length-prefix: {bytes: %d, order: %s, counts: %s}}", size, order, counts))
			}
		}
	}
	return append(all, "{line: either}")
}

// GuessFraming infers from several conversations where messages end. It is none where
// nothing fits all of them.
func GuessFraming(all []Conversation) Guess {
	for _, text := range candidates() {
		f, err := readFraming(text)
		if err != nil {
			continue
		}
		if count, ok := fits(f, text, all); ok {
			g := Guess{YAML: text, Framing: f}
			g.Evidence = fmt.Sprintf("%s of %s are whole messages of this kind, %d in all", plural.Count(countTurns(all), "turn"), plural.Count(len(all), "conversation"), count)
			return g
		}
	}
	if g, ok := guessFixed(all); ok {
		return g
	}
	return Guess{YAML: "none", Evidence: "no framing fits every turn; a message may end anywhere"}
}

func readFraming(text string) (dialogue.Framing, error) {
	n, err := strictyaml.ParseText("framing", []byte(text))
	if err != nil {
		return dialogue.Framing{}, err
	}
	var dec strictyaml.Decoder
	f := dialogue.Reader{Decoder: &dec}.ReadFraming(n)
	return f, dec.Err()
}

func countTurns(all []Conversation) int {
	n := 0
	for _, c := range all {
		n += len(c.Turns)
	}
	return n
}

// fits reports whether every turn is whole messages, and how many there are. A length
// prefix must have counted something: at least two messages, of different sizes.
func fits(f dialogue.Framing, text string, all []Conversation) (messages int, ok bool) {
	sizes := map[int]bool{}
	for _, c := range all {
		for i, t := range c.Turns {
			last := i == len(c.Turns)-1 && c.Ended == event.Server
			n, ok := wholeMessages(f, t.Bytes, last && f.Kind == dialogue.HTTP, sizes)
			if !ok || f.Kind == dialogue.HTTP && !startsHTTP(t) {
				return 0, false
			}
			messages += n
		}
	}
	switch f.Kind {
	case dialogue.LengthPrefix:
		return messages, messages >= 2 && (len(sizes) >= 2 || f.Bytes >= 4)
	case dialogue.RESP:
		return messages, startsRESP(all)
	}
	return messages, messages > 0
}

func wholeMessages(f dialogue.Framing, b []byte, eof bool, sizes map[int]bool) (n int, ok bool) {
	for len(b) > 0 {
		_, size, ok, err := f.FirstMessage(b, eof)
		if !ok || err != nil || size <= 0 {
			return 0, false
		}
		sizes[size] = true
		b, n = b[size:], n+1
	}
	return n, n > 0
}

var httpRequest = regexp.MustCompile(`^[A-Z]{3,12} \S+ HTTP/1\.[01]\r\n`)

func startsHTTP(t Turn) bool {
	if t.Direction == event.Downstream {
		return bytes.HasPrefix(t.Bytes, []byte("HTTP/1."))
	}
	return httpRequest.Match(t.Bytes)
}

// startsRESP reports whether commands come as arrays: everything that ends in CR LF is a
// command in one line else.
func startsRESP(all []Conversation) bool {
	for _, c := range all {
		for _, t := range c.Turns {
			if t.Direction == event.Upstream && t.Bytes[0] != '*' {
				return false
			}
		}
	}
	return true
}

// leastFixed is the smallest size that is taken for one of messages.
const leastFixed, leastFixedTurns = 4, 4

// guessFixed looks for one size of all turns.
func guessFixed(all []Conversation) (Guess, bool) {
	size, turns := 0, 0
	for _, c := range all {
		for _, t := range c.Turns {
			if size == 0 {
				size = len(t.Bytes)
			}
			if len(t.Bytes) != size {
				return Guess{}, false
			}
			turns++
		}
	}
	if size < leastFixed || turns < leastFixedTurns {
		return Guess{}, false
	}
	text := fmt.Sprintf("{fixed: %d}", size)
	f, err := readFraming(text)
	return Guess{YAML: text, Framing: f, Evidence: fmt.Sprintf("all %s have %s", plural.Count(turns, "turn"), plural.Count(size, "byte"))}, err == nil
}
