package capture

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
)

// Options say how a dialogue is written.
type Options struct {
	Framing string           // as a dialogue writes it; empty: it is inferred
	Literal bool             // what differs is written as it was the first time: a server needs bytes
	Redact  []*regexp.Regexp // what is replaced by x, byte for byte
}

// WriteDialogue makes one dialogue of conversations that are the same but for what
// differs from run to run. The notes say what is odd and what was inferred. The error
// wraps [ErrUnusable], and says why.
func WriteDialogue(name string, all []Conversation, o Options) (text []byte, notes []string, err error) {
	usable, notes, err := chooseUsable(all)
	if err != nil {
		return nil, notes, err
	}
	for i := range usable {
		if redact(&usable[i], o.Redact) && i == 0 {
			notes = append(notes, "some bytes are redacted: a server that checks them answers otherwise")
		}
	}
	w := &writer{first: usable[0]}
	if w.guess, err = chooseFraming(o.Framing, usable); err != nil {
		return nil, notes, err
	}
	var unmasked []string
	if o.Literal {
		usable = usable[:1]
	}
	w.masks, unmasked, w.any = findVolatile(usable, w.guess.Framing)
	for _, u := range unmasked {
		notes = append(notes, u+"; write an expression for it")
	}
	notes = append(notes, fmt.Sprintf("framing: %s (%s)", w.guess.YAML, w.guess.Evidence))
	text, err = w.render(name, len(usable))
	if err != nil {
		return nil, notes, err
	}
	if _, err := dialogue.Parse(name+".yaml", text); err != nil {
		return text, notes, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	return text, notes, nil
}

func chooseFraming(text string, all []Conversation) (Guess, error) {
	if text == "" {
		return GuessFraming(all), nil
	}
	f, err := readFraming(text)
	return Guess{YAML: text, Framing: f, Evidence: "as you say"}, err
}

// chooseUsable leaves out conversations with gaps, and those that are encrypted.
func chooseUsable(all []Conversation) (usable []Conversation, notes []string, err error) {
	why := errors.New("it has no conversation")
	var left []string
	for i, c := range all {
		for _, n := range c.Notes {
			notes = append(notes, fmt.Sprintf("conversation %d (%s): %s", i+1, c.From, n))
		}
		switch {
		case c.Err != nil:
			why = fmt.Errorf("conversation %d (%s): %w", i+1, c.From, c.Err)
		case c.IsTLS():
			why = fmt.Errorf("conversation %d (%s) is TLS, so its bytes say nothing: record it live with --tls, or where it is not encrypted", i+1, c.From)
		case len(c.Turns) == 0:
			why = fmt.Errorf("conversation %d (%s) has no bytes", i+1, c.From)
		default:
			usable = append(usable, c)
			continue
		}
		left = append(left, "left out: "+why.Error())
	}
	if len(usable) == 0 {
		return nil, append(notes, left[:max(0, len(left)-1)]...), fmt.Errorf("%w: %w", ErrUnusable, why) // the last one is the error
	}
	return usable, append(notes, left...), nil
}

// redact replaces what matches, and reports whether anything did.
func redact(c *Conversation, all []*regexp.Regexp) bool {
	changed := false
	for _, re := range all {
		for i, t := range c.Turns {
			c.Turns[i].Bytes = re.ReplaceAllFunc(t.Bytes, func(b []byte) []byte {
				changed = true
				return bytes.Repeat([]byte("x"), len(b))
			})
		}
	}
	return changed
}

// A writer renders one dialogue.
type writer struct {
	strings.Builder
	first Conversation
	guess Guess
	masks []string
	any   map[int]int // turns that differ in all of their bytes: how many messages they are
}

func (w *writer) render(name string, conversations int) ([]byte, error) {
	turns := w.first.Turns
	fmt.Fprintf(w, "# Recorded by harness record from %s.\n", plural.Count(conversations, "conversation"))
	fmt.Fprintf(w, "dialogue: %s\n", dialogue.FormatText(name))
	fmt.Fprintf(w, "framing: %s   # %s\n", w.guess.YAML, w.guess.Evidence)
	skipped := 0
	if turns[0].Direction == event.Downstream {
		fmt.Fprintf(w, "greeting: {expect: %s}\n", w.expect(0))
		turns, skipped = turns[1:], 1
	}
	w.WriteString("exchanges:\n")
	if len(turns) == 0 {
		return nil, fmt.Errorf("%w: the client says nothing", ErrUnusable)
	}
	for i := 0; i < len(turns); i++ {
		fmt.Fprintf(w, "  - send: %s\n", dialogue.FormatBytes(turns[i].Bytes))
		last := i >= len(turns)-2
		if last && w.first.After {
			w.WriteString("    shutdown: write\n")
		}
		if i+1 < len(turns) {
			i++
			fmt.Fprintf(w, "    expect: %s\n", w.expect(i+skipped))
		}
	}
	w.WriteString("end: " + w.end() + "\n")
	if len(w.masks) > 0 {
		w.WriteString("volatile:   # differs from one conversation to the next\n")
		for _, m := range w.masks {
			fmt.Fprintf(w, "  - %s\n", dialogue.FormatText(m))
		}
	}
	return []byte(w.String()), nil
}

// expect writes what is expected in a turn of the server.
func (w *writer) expect(turn int) string {
	if n := w.any[turn]; n > 0 {
		return "[" + strings.TrimSuffix(strings.Repeat("{any: true}, ", n), ", ") + "]"
	}
	return dialogue.FormatBytes(w.first.Turns[turn].Bytes)
}

func (w *writer) end() string {
	switch {
	case w.first.Ended == event.Server:
		return "server closes"
	case w.first.After:
		return "client half-closes"
	}
	return "client closes"
}
