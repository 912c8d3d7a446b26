package spec

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// A ValueKind is the form of an attribute's value.
type ValueKind string

// The kinds of value, with the Go type that [MakeToxic] leaves in Spec.Attributes.
const (
	Int      ValueKind = "int"      // int64
	Bool     ValueKind = "bool"     // bool
	Bytes    ValueKind = "bytes"    // int64; also written "64KiB" or "2MB"
	Duration ValueKind = "duration" // int64, milliseconds; also written "200ms" or "2s". Fine: or text such as "200µs"
	Ints     ValueKind = "ints"     // []int64; also written "1,2,3"
	Share    ValueKind = "share"    // float64, 0 to 1
	Word     ValueKind = "word"     // string, one of Attribute.Choices
	Text     ValueKind = "text"     // string: the bytes themselves, or hex digits behind "hex:"
)

// MaxMilliseconds bounds durations so that the sum of two fits time.Duration.
const MaxMilliseconds = math.MaxInt64 / int64(time.Millisecond) / 2

// MaxSize bounds stream offsets so that the sum of two fits int64.
const MaxSize = 1 << 61

// An Attribute is one setting of a kind of toxic.
type Attribute struct {
	Name      string    // as it is written, in snake case
	Kind      ValueKind // form of the value
	Default   any       // as Make leaves it; nil for an empty list
	Unit      string    // "" where there is none
	Min       int64     // of the number, or of each in the list
	Max       int64     // the same; of a Text bytes
	Choices   []string  // of a Word
	Fine      bool      // of a Duration: it need not be whole milliseconds, but microseconds
	Extension bool      // Toxiproxy's type of this name does not have it
	Summary   string    // one line: what it sets
}

// Settings are the attributes of one toxic, complete and within their ranges.
type Settings map[string]any

func (s Settings) Int(name string) int64 { return s[name].(int64) }

func (s Settings) Bool(name string) bool { return s[name].(bool) }

func (s Settings) Ints(name string) []int64 { return s[name].([]int64) }

func (s Settings) Share(name string) float64 { return s[name].(float64) }

func (s Settings) Word(name string) string { return s[name].(string) }

// Duration returns an attribute in milliseconds, or one that is finer than that.
func (s Settings) Duration(name string) time.Duration {
	if text, fine := s[name].(string); fine {
		d, _ := time.ParseDuration(text) // as it was written when it was read
		return d
	}
	return time.Duration(s.Int(name)) * time.Millisecond
}

// ReadSettings completes and checks the given attributes. A nil value is the default.
func readSettings(attributes []Attribute, given map[string]any) (Settings, error) {
	var errs []error
	s := Settings{}
	var names []string
	for _, a := range attributes {
		names = append(names, a.Name)
		value, err := a.readValue(given[a.Name])
		s[a.Name] = value
		errs = append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("attribute %q is unknown%s", name, didYouMean(name, names)))
		}
	}
	return s, errors.Join(errs...)
}

// readValue converts one value and checks its range.
func (a Attribute) readValue(value any) (any, error) {
	if value == nil {
		value = a.Default
	}
	var err error
	switch a.Kind {
	case Bool:
		value, err = parseBool(value)
		return value, prefixError(a.Name, err)
	case Share:
		value, err = parseShare(value)
		return value, prefixError(a.Name, err)
	case Word:
		value, err = parseWord(value, a.Choices)
		return value, prefixError(a.Name, err)
	case Text:
		return a.readText(value)
	case Ints:
		numbers, err := parseInts(value)
		for i, n := range numbers {
			err = errors.Join(err, a.checkRange(fmt.Sprintf("%s[%d]", a.Name, i), n))
		}
		return numbers, prefixList(a.Name, numbers, err)
	}
	var n int64
	if d, err := parseFine(value); a.Kind == Duration && a.Fine && d != 0 {
		return d.String(), errors.Join(prefixError(a.Name, err), a.checkRange(a.Name, d.Milliseconds()))
	}
	switch {
	case a.Kind == Bytes, a.Unit == "bytes":
		n, err = parseSize(value)
	case a.Kind == Duration:
		n, err = parseMilliseconds(value)
	case a.Unit == "µs":
		n, err = parseMicroseconds(value)
	case a.Unit == "KB/s":
		n, err = parseRate(value)
	default:
		n, err = parseInt(value)
	}
	if err != nil {
		return n, prefixError(a.Name, err)
	}
	return n, a.checkRange(a.Name, n)
}

// prefixList names the attribute unless its elements are named already.
func prefixList(name string, numbers []int64, err error) error {
	if numbers == nil {
		return prefixError(name, err)
	}
	return err
}

// checkRange returns an error when n is out of range.
func (a Attribute) checkRange(name string, n int64) error {
	switch {
	case n < a.Min:
		return fmt.Errorf("%s must be at least %d, got %d", name, a.Min, n)
	case n > a.Max:
		return fmt.Errorf("%s must be at most %d, got %d", name, a.Max, n)
	}
	return nil
}
