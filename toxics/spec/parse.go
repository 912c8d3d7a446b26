package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/event"
)

// ParseFlag reads a Spec from one line of text: the type, then key=value pairs
// in any order.
//
//	half_close direction=downstream at.byte=93 connection=2 toxicity=0.5
//
// The keys are name, direction (default downstream), toxicity (above 0, to 1),
// connection or connections (see [ParseConnections]), seed, at.byte, at.pattern,
// at.opposite, at.segment, at.event, at.time, and the attributes of the type. A
// value with blanks is put in double quotes; in quotes, and in patterns and texts always,
// Go's escapes such as \r\n and \x00 are read. A list is written with commas. Whether the type and its attributes exist, [MakeToxic] says.
func ParseFlag(text string, findKind func(name string) (Kind, bool)) (Spec, error) {
	words, err := splitWords(text)
	if err != nil {
		return Spec{}, fmt.Errorf("toxic %q: %w", text, err)
	}
	if len(words) == 0 || words[0].valued {
		return Spec{}, fmt.Errorf("toxic %q: must begin with a type such as latency", text)
	}
	p := flagParser{
		findKind: findKind,
		spec:     Spec{Type: words[0].key, Direction: event.Downstream, Toxicity: 1, Attributes: map[string]any{}},
		at:       map[string]any{},
		seen:     map[string]bool{},
	}
	var errs []error
	for _, w := range words[1:] {
		errs = append(errs, p.setField(w))
	}
	p.spec.At, err = ParseTrigger(p.at)
	if err := errors.Join(append(errs, err)...); err != nil {
		return Spec{}, PrefixErrors(err, fmt.Sprintf("toxic %s: ", p.spec.Type))
	}
	return p.spec, nil
}

// A word is one key=value of a flag, or a key alone.
type word struct {
	key, value     string
	valued, quoted bool
}

// splitWords splits at blanks outside of double quotes, which may begin after the
// first equals sign of a word only.
func splitWords(text string) ([]word, error) {
	var words []word
	for {
		if text = strings.TrimLeft(text, " \t\r\n"); text == "" {
			return words, nil
		}
		end := strings.IndexAny(text, " \t\r\n=")
		if end < 0 || text[end] != '=' {
			end = max(end, 0)
			if end == 0 {
				end = len(text)
			}
			words = append(words, word{key: text[:end]})
			text = text[end:]
			continue
		}
		w := word{key: text[:end], valued: true}
		text = text[end+1:]
		var err error
		if text, err = w.readValue(text); err != nil {
			return nil, err
		}
		words = append(words, w)
	}
}

// readValue reads the value at the start of text and returns what follows it.
func (w *word) readValue(text string) (string, error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t\r\n")
		if end < 0 {
			end = len(text)
		}
		w.value = text[:end]
		return text[end:], nil
	}
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", fmt.Errorf("%s: the quoted value does not end or has a bad escape", w.key)
	}
	w.quoted = true
	w.value, _ = strconv.Unquote(quoted)
	rest := text[len(quoted):]
	if rest != "" && !strings.ContainsAny(rest[:1], " \t\r\n") {
		return "", fmt.Errorf("%s: a space must follow the quoted value", w.key)
	}
	return rest, nil
}

// A flagParser gathers what the words of a flag say.
type flagParser struct {
	findKind func(name string) (Kind, bool)
	spec     Spec
	at       map[string]any
	seen     map[string]bool
}

func (p *flagParser) setField(w word) error {
	if !w.valued {
		return fmt.Errorf("%q must be written key=value", w.key)
	}
	if p.seen[w.key] {
		return fmt.Errorf("%s is given twice", w.key)
	}
	p.seen[w.key] = true
	if field, ok := strings.CutPrefix(w.key, "at."); ok {
		return p.setTrigger(field, w)
	}
	var err error
	switch w.key {
	case "":
		return fmt.Errorf("%q has no key", "="+w.value)
	case "name":
		p.spec.Name = w.value
	case "direction":
		p.spec.Direction, err = event.ParseDirection(w.value)
	case "toxicity":
		p.spec.Toxicity, err = strconv.ParseFloat(w.value, 64)
		if err != nil || !(p.spec.Toxicity > 0 && p.spec.Toxicity <= 1) {
			err = fmt.Errorf("toxicity must be above 0 and at most 1, got %q", w.value)
		}
	case "connection", "connections":
		if p.seen["connection"] && p.seen["connections"] {
			return errors.New("connection and connections mean the same; give one of them")
		}
		p.spec.Connection, p.spec.LastConnection, err = ParseConnections(w.value)
		err = prefixError(w.key, err)
	case "seed":
		var seed int64
		seed, err = parseIntText(w.value)
		p.spec.Seed, err = &seed, prefixError("seed", err)
	default:
		err = p.setAttribute(w)
	}
	return err
}

// setTrigger reads the value of at.field; a pattern's escapes need no quotes.
func (p *flagParser) setTrigger(field string, w word) error {
	if field == "pattern" || field == "opposite" {
		if err := w.unescape(); err != nil {
			return fmt.Errorf("at.%w", err)
		}
	}
	p.at[field] = w.value
	return nil
}

// setAttribute reads the value of an attribute; the escapes of a text need no quotes.
func (p *flagParser) setAttribute(w word) error {
	kind, _ := p.findKind(p.spec.Type)
	if slices.ContainsFunc(kind.Attributes, func(a Attribute) bool { return a.Name == w.key && a.Kind == Text }) {
		if err := w.unescape(); err != nil {
			return err
		}
		w.quoted = true
	}
	p.spec.Attributes[w.key] = w.attributeValue()
	return nil
}

// unescape reads the escapes of a value without quotes.
func (w *word) unescape() error {
	if w.quoted {
		return nil
	}
	value, err := strconv.Unquote(`"` + strings.ReplaceAll(w.value, `"`, `\"`) + `"`)
	if err != nil {
		return fmt.Errorf("%s has a bad escape, got %s", strings.TrimPrefix(w.key, "at."), w.value)
	}
	w.value = value
	return nil
}

// attributeValue returns a number or a truth value as JSON has it, anything else as
// text: the types that Toxiproxy knows and we do not are decoded by JSON.
func (w word) attributeValue() any {
	if !w.quoted {
		var value any
		decoder := json.NewDecoder(strings.NewReader(w.value))
		decoder.UseNumber()
		if decoder.Decode(&value) == nil && !decoder.More() {
			switch value.(type) {
			case json.Number, bool:
				return value
			}
		}
	}
	return w.value
}
