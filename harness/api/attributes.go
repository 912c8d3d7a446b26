package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// originals are Toxiproxy's own types. Their attributes are read as it reads
// them: names in any case, null leaves what was, what is unknown is ignored, and
// numbers are whole, or text with a unit. Ours are read strictly, with the units of the catalogue.
var originals = [...]string{"noop", "latency", "bandwidth", "slicer", "limit_data", "slow_close", "timeout", "reset_peer"}

// mergeAttributes returns the attributes that were, with those given in text in
// their place.
func mergeAttributes(kind spec.Kind, were map[string]any, text json.RawMessage) (map[string]any, error) {
	merged := maps.Clone(were)
	if merged == nil {
		merged = map[string]any{}
	}
	if len(text) == 0 {
		return merged, nil
	}
	read := decodeObject
	if slices.Contains(originals[:], kind.Name) {
		read = func(text json.RawMessage) (map[string]any, error) { return decodeOriginal(kind, text) }
	}
	given, err := read(text)
	if err != nil {
		return nil, badBody(err)
	}
	for name, value := range given {
		if value != nil {
			merged[name] = value
		}
	}
	return merged, nil
}

// decodeOriginal reads the attributes of one of Toxiproxy's types.
func decodeOriginal(kind spec.Kind, text json.RawMessage) (map[string]any, error) {
	var fields []reflect.StructField
	for i, a := range kind.Attributes {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[json.RawMessage](),
			Tag: reflect.StructTag(fmt.Sprintf(`json:%q`, a.Name))})
	}
	into := reflect.New(reflect.StructOf(fields))
	if err := json.Unmarshal(text, into.Interface()); err != nil {
		return nil, err
	}
	values, added := map[string]any{}, any(nil)
	for i, a := range kind.Attributes {
		value := into.Elem().Field(i).Interface().(json.RawMessage)
		if len(value) == 0 || isNull(value) {
			continue
		}
		if a.Extension {
			if err := json.Unmarshal(value, &added); err != nil {
				return nil, err
			}
			values[a.Name] = added
			continue
		}
		if text, ok := withUnit(value); ok {
			values[a.Name] = text
			continue
		}
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("attribute %s must be a whole number, got %s", a.Name, excerpt.Start(value, mostExcerpt))
		}
		values[a.Name] = n
	}
	return values, nil
}

// withUnit returns a number with a unit, such as "100ms", which Toxiproxy does not
// know.
func withUnit(value json.RawMessage) (text string, ok bool) {
	if json.Unmarshal(value, &text) != nil || text == "" {
		return "", false
	}
	first, last := text[0], text[len(text)-1]
	return text, (first == '-' || first >= '0' && first <= '9') && !(last >= '0' && last <= '9')
}

// decodeObject reads an object; its numbers stay exact.
func decodeObject(text json.RawMessage) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var values map[string]any
	err := decoder.Decode(&values)
	return values, err
}

// writeAttributes writes the attributes of a toxic in the order of the catalogue.
// What we have added to a type of Toxiproxy's is shown only when it is used.
func (t toxic) writeAttributes() (json.RawMessage, error) {
	kind, ok := toxics.FindKind(t.made.Type)
	if t.datagram != nil {
		kind, ok = datagram.FindKind(t.made.Type)
	}
	if !ok || kind.Registered {
		return json.Marshal(t.made.Attributes)
	}
	var parts []string
	for _, a := range kind.Attributes {
		if a.Extension && t.made.Attributes[a.Name] == a.Default {
			continue
		}
		value, err := json.Marshal(t.made.Attributes[a.Name])
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", a.Name, err)
		}
		parts = append(parts, fmt.Sprintf("%q:%s", a.Name, value))
	}
	return json.RawMessage("{" + strings.Join(parts, ",") + "}"), nil
}
