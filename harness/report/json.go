package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

// WriteJSON writes the document, indented, with a newline at the end. It reads back
// as the same document, except that bytes which are not UTF-8 have become
// escapes such as \xff. It returns the error of the writer.
func WriteJSON(w io.Writer, d outcome.Run) error {
	return jsonForm{indent: "  ", prefix: "    ", between: ",\n    ", open: "[\n    ", end: "\n  ]"}.writeRun(w, d)
}

// writeCompactJSON is WriteJSON without indentation.
func writeCompactJSON(w io.Writer, d outcome.Run) error {
	return jsonForm{between: ",", open: "[", end: "]"}.writeRun(w, d)
}

// A jsonForm is how a document is laid out. Results are encoded one by one: encoding/json
// holds what it encodes in memory, and a run may have 100,000 of them.
type jsonForm struct {
	indent, prefix     string // of a result
	open, between, end string // of the list of results
}

func (f jsonForm) writeRun(w io.Writer, d outcome.Run) error {
	var frame bytes.Buffer
	if err := f.encode(&frame, "", legibleRun(d)); err != nil {
		return fmt.Errorf("json write: %w", err)
	}
	text := frame.Bytes()
	at := f.findResults(text)
	if at < 0 || len(d.Results) == 0 {
		_, err := w.Write(text)
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	out.Write(text[:at]) // the writer keeps its error for Flush
	var one bytes.Buffer
	lead := f.open
	for _, r := range d.Results {
		one.Reset()
		if err := f.encode(&one, f.prefix, legibleResult(r)); err != nil {
			return fmt.Errorf("json write: %w", err)
		}
		out.WriteString(lead)
		out.Write(bytes.TrimRight(one.Bytes(), "\n"))
		lead = f.between
	}
	out.WriteString(f.end)
	out.Write(text[at+len("[]"):])
	if err := out.Flush(); err != nil {
		return fmt.Errorf("json write: %w", err)
	}
	return nil
}

// findResults returns where the empty list of results is in the frame; -1 where it is not.
// A text in the document cannot look like it: its quotes are escaped.
func (f jsonForm) findResults(frame []byte) int {
	key := []byte(`"results":[]`)
	if f.indent != "" {
		key = []byte("\n  \"results\": []")
	}
	at := bytes.LastIndex(frame, key)
	if at < 0 {
		return -1
	}
	return at + len(key) - len("[]")
}

// writeIndented writes a value as WriteJSON does.
func writeIndented(w io.Writer, v any) error { return jsonForm{indent: "  "}.encode(w, "", v) }

func (f jsonForm) encode(w io.Writer, prefix string, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if f.indent != "" {
		encoder.SetIndent(prefix, f.indent)
	}
	return encoder.Encode(v)
}

// legibleByName is a map whose names and values are legible; nil where it was.
func legibleByName[V any](all map[string]V, legible func(V) V) map[string]V {
	if all == nil {
		return nil
	}
	made := make(map[string]V, len(all))
	for name, v := range all {
		made[escapeInvalid(name)] = legible(v)
	}
	return made
}

// legibleRun is the document without its results.
func legibleRun(d outcome.Run) outcome.Run {
	d.Problems = legibleAll(d.Problems)
	d.Controls, d.Recorded = legibleByName(d.Controls, legibleEvents), legibleByName(d.Recorded, legibleAll)
	d.Results = []outcome.Result{} // never null
	if d.Rounds != nil {
		rounds := *d.Rounds
		rounds.Changed = slices.Clone(rounds.Changed)
		for i, c := range rounds.Changed {
			rounds.Changed[i].Target, rounds.Changed[i].Variant = escapeInvalid(c.Target), escapeInvalid(c.Variant)
		}
		d.Rounds = &rounds
	}
	return d
}

func legibleResult(r outcome.Result) outcome.Result {
	r.Target, r.Scenario, r.Variant = escapeInvalid(r.Target), escapeInvalid(r.Scenario), escapeInvalid(r.Variant)
	r.Message, r.Replay, r.Stderr = escapeInvalid(r.Message), escapeInvalid(r.Replay), escapeInvalid(r.Stderr)
	r.Notes, r.Captures = legibleAll(r.Notes), legibleAll(r.Captures)
	r.Events, r.Control = legibleEvents(r.Events), legibleEvents(r.Control)
	return r
}

func legibleEvents(events []event.Event) []event.Event {
	var out []event.Event
	for _, e := range events {
		e.Detail = escapeInvalid(e.Detail)
		out = append(out, e)
	}
	return out
}

func legibleAll(texts []string) []string {
	var out []string
	for _, s := range texts {
		out = append(out, escapeInvalid(s))
	}
	return out
}

// escapeInvalid escapes what is not UTF-8: encoding/json would replace it.
func escapeInvalid(s string) string {
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
