package spec

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Values come from JSON (float64), from YAML (int, uint64), from flags (string)
// and from Go; each parse function takes all of them.

// parseInt reads a whole number.
func parseInt(value any) (int64, error) {
	switch v := value.(type) {
	case string:
		return parseIntText(v)
	case json.Number:
		return parseIntText(v.String())
	}
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		if u := v.Uint(); u <= math.MaxInt64 {
			return int64(u), nil
		}
	case v.CanFloat():
		// 2^63 is the first float beyond int64.
		if f := v.Float(); f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
			return int64(f), nil
		}
	}
	return 0, fmt.Errorf("must be a whole number, got %v", value)
}

func parseIntText(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("must be a whole number, got %q", text)
	}
	return n, nil
}

// sizeUnits are the units of a size, longer names first.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// parseSize reads a number of bytes, with or without a unit.
func parseSize(value any) (int64, error) {
	text, ok := value.(string)
	if !ok {
		return parseInt(value)
	}
	unit := int64(1)
	number := text
	for _, u := range sizeUnits {
		if rest, found := strings.CutSuffix(text, u.name); found {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit || n < math.MinInt64/unit {
		return 0, fmt.Errorf("must be a number of bytes such as 4096 or 64KiB, got %q", text)
	}
	return n * unit, nil
}

// parseMilliseconds reads a duration as milliseconds.
func parseMilliseconds(value any) (int64, error) {
	if d, ok := value.(time.Duration); ok {
		value = d.String()
	}
	return parseUnits(value, time.Millisecond, "milliseconds such as 200 or 1.5s")
}

// parseFine reads a duration that is not whole milliseconds, but microseconds. It returns 0
// for anything else.
func parseFine(value any) (time.Duration, error) {
	text, _ := value.(string)
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || d%time.Millisecond == 0:
		return 0, nil
	case d%time.Microsecond != 0:
		return d, fmt.Errorf("must be whole microseconds such as 200µs or 1.5ms, got %q", text)
	}
	return d, nil
}

// parseMicroseconds reads a duration as microseconds.
func parseMicroseconds(value any) (int64, error) {
	return parseUnits(value, time.Microsecond, "microseconds such as 200 or 1.5ms")
}

// parseUnits reads a duration as so many whole units, with or without a unit of its own.
func parseUnits(value any, unit time.Duration, example string) (int64, error) {
	text, ok := value.(string)
	if !ok {
		return parseInt(value)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d%unit != 0 {
		return 0, fmt.Errorf("must be whole %s, got %q", example, text)
	}
	return int64(d / unit), nil
}

// parseRate reads a rate as KB/s, 1000 bytes a second.
func parseRate(value any) (int64, error) {
	text, ok := value.(string)
	if !ok {
		return parseInt(value)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	n, err := parseSize(strings.TrimSuffix(text, "/s"))
	if err != nil || n%1000 != 0 {
		return 0, fmt.Errorf("must be whole KB/s such as 500 or 2MB/s, got %q", text)
	}
	return n / 1000, nil
}

// parseBool reads true or false.
func parseBool(value any) (bool, error) {
	switch value {
	case true, "true":
		return true, nil
	case false, "false":
		return false, nil
	}
	return false, fmt.Errorf("must be true or false, got %v", value)
}

// parseShare reads a number from 0 to 1.
func parseShare(value any) (float64, error) {
	var share float64
	var err error
	switch v := value.(type) {
	case string:
		share, err = strconv.ParseFloat(v, 64)
	case json.Number:
		share, err = v.Float64()
	default:
		switch v := reflect.ValueOf(value); {
		case v.CanFloat():
			share = v.Float()
		case v.CanInt():
			share = float64(v.Int())
		case v.CanUint():
			share = float64(v.Uint())
		default:
			share = math.NaN()
		}
	}
	if err != nil || !(share >= 0 && share <= 1) {
		return 0, fmt.Errorf("must be a number from 0 to 1, got %v", value)
	}
	return share, nil
}

// parseWord reads one of the given words.
func parseWord(value any, choices []string) (string, error) {
	word, _ := value.(string)
	if !slices.Contains(choices, word) {
		return "", fmt.Errorf("must be one of %s, got %v", strings.Join(choices, ", "), value)
	}
	return word, nil
}

// parseInts reads a list of whole numbers; a single number is a list of one.
func parseInts(value any) ([]int64, error) {
	if text, ok := value.(string); ok && text != "" {
		value = strings.Split(text, ",")
	}
	list := reflect.ValueOf(value)
	switch {
	case value == nil || value == "":
		return []int64{}, nil
	case list.Kind() != reflect.Slice:
		n, err := parseInt(value)
		if err != nil {
			return nil, fmt.Errorf("must be a list of whole numbers, got %v", value)
		}
		return []int64{n}, nil
	}
	numbers := make([]int64, list.Len())
	for i := range numbers {
		n, err := parseInt(trimBlanks(list.Index(i).Interface()))
		if err != nil {
			return nil, fmt.Errorf("must be a list of whole numbers, got %v in it", list.Index(i))
		}
		numbers[i] = n
	}
	return numbers, nil
}

// trimBlanks removes the blanks around a number of a list written as text.
func trimBlanks(value any) any {
	if text, ok := value.(string); ok {
		return strings.TrimSpace(text)
	}
	return value
}

// MillisAttribute describes a duration that may be negative, as Toxiproxy has it.
func MillisAttribute(name string, value int64, summary string) Attribute {
	return Attribute{Name: name, Kind: Duration, Default: value, Unit: "ms", Min: -MaxMilliseconds, Max: MaxMilliseconds, Summary: summary}
}

// FineAttribute is one of MillisAttribute that may be finer than a millisecond.
func FineAttribute(name string, value int64, summary string) Attribute {
	a := MillisAttribute(name, value, summary)
	a.Fine = true
	return a
}
