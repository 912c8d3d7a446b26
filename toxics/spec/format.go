package spec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// String returns the spec as one line that [ParseFlag] reads back, with every attribute
// that it has.
func (s Spec) String() string { return s.FormatFlag(Kind{}) }

// FormatFlag is String without the attributes that are at their default, which the
// kind of the spec's type tells.
func (s Spec) FormatFlag(kind Kind) string {
	words := []string{s.Type, "direction=" + s.Direction.String()}
	if s.Name != "" && s.Name != s.Type+"_"+s.Direction.String() {
		words = append(words, "name="+quoteText(s.Name))
	}
	if s.Connection != 0 {
		words = append(words, "connection="+FormatConnections(s.Connection, s.LastConnection))
	}
	if s.Seed != nil {
		words = append(words, fmt.Sprintf("seed=%d", *s.Seed))
	}
	if s.Toxicity != 0 && s.Toxicity != 1 {
		words = append(words, fmt.Sprintf("toxicity=%v", s.Toxicity))
	}
	if !s.At.IsZero() {
		words = append(words, s.At.String())
	}
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		if !kind.isDefault(name, s.Attributes[name]) {
			words = append(words, name+"="+formatValue(s.Attributes[name]))
		}
	}
	return strings.Join(words, " ")
}

// isDefault reports whether the value is what Make sets when none is given.
func (k Kind) isDefault(name string, value any) bool {
	if numbers, ok := value.([]int64); ok {
		return len(numbers) == 0
	}
	return slices.ContainsFunc(k.Attributes, func(a Attribute) bool {
		return a.Name == name && a.Kind != Ints && a.Default == value
	})
}

// formatValue writes the value of an attribute.
func formatValue(value any) string {
	switch v := value.(type) {
	case string:
		return quoteText(v)
	case []int64:
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", ",")
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, fmt.Sprint(item))
		}
		return quoteText(strings.Join(items, ","))
	}
	return fmt.Sprint(value)
}

// quoteText puts text in quotes unless it reads back as it is.
func quoteText(text string) string {
	plain := text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strconv.IsPrint(r) || strings.ContainsRune(" \"\\=\uFFFD", r)
	})
	if read, ok := (word{value: text}).attributeValue().(string); plain && ok && read == text {
		return text
	}
	return strconv.Quote(text)
}
