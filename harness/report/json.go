package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

// JSON writes the document, indented, with a newline at the end. It reads back
// as the same document, except that bytes which are not UTF-8 have become
// escapes such as \xff. It returns the error of the writer.
func JSON(w io.Writer, d outcome.Document) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	d.Problems = legibleAll(d.Problems)
	results := make([]outcome.Result, len(d.Results)) // never null
	for i, r := range d.Results {
		results[i] = legibleResult(r)
	}
	d.Results = results
	if d.Rounds != nil {
		rounds := *d.Rounds
		rounds.Changed = slices.Clone(rounds.Changed)
		for i, c := range rounds.Changed {
			rounds.Changed[i].Target, rounds.Changed[i].Variant = legible(c.Target), legible(c.Variant)
		}
		d.Rounds = &rounds
	}
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("json write: %w", err)
	}
	return nil
}

func legibleResult(r outcome.Result) outcome.Result {
	r.Target, r.Scenario, r.Variant = legible(r.Target), legible(r.Scenario), legible(r.Variant)
	r.Message, r.Replay, r.Stderr = legible(r.Message), legible(r.Replay), legible(r.Stderr)
	r.Notes = legibleAll(r.Notes)
	var events []event.Event
	for _, e := range r.Events {
		e.Detail = legible(e.Detail)
		events = append(events, e)
	}
	r.Events = events
	return r
}

func legibleAll(texts []string) []string {
	var out []string
	for _, s := range texts {
		out = append(out, legible(s))
	}
	return out
}

// legible escapes what is not UTF-8: encoding/json would replace it.
func legible(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}
