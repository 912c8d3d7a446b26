package dialogue

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A Lookup returns the bytes that stand for ${name}; ok is false for a name that
// it does not know.
type Lookup func(name string) (b []byte, ok bool)

// variable matches ${name}, and $${ for the two characters ${.
var variable = regexp.MustCompile(`\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_.]*)\}`)

// readText reads a string, in which ${name} may stand for bytes.
func (r Reader) readText(n *strictyaml.Node) value { return textValue([]byte(r.String(n))) }

func textValue(data []byte) value {
	v := value{data: data}
	if bytes.Contains(v.data, []byte("${")) {
		v.form = template
	}
	return v
}

// appendTemplate appends data with each ${name} replaced; without a lookup it
// appends data as it is.
func appendTemplate(dst, data []byte, lookup Lookup) ([]byte, error) {
	if lookup == nil {
		return append(dst, data...), nil
	}
	at := 0
	for _, found := range variable.FindAllSubmatchIndex(data, -1) {
		dst = append(dst, data[at:found[0]]...)
		at = found[1]
		if found[2] < 0 {
			dst = append(dst, "${"...)
			continue
		}
		name := string(data[found[2]:found[3]])
		b, ok := lookup(name)
		if !ok {
			return nil, fmt.Errorf("${%s} has no value", name)
		}
		dst = append(dst, b...)
	}
	return append(dst, data[at:]...), nil
}

// VariableNames returns the names of each ${name} in the message, in order.
func (m *Message) VariableNames() []string {
	var names []string
	for _, it := range m.items {
		names = it.value.addVariables(names)
		for _, one := range it.oneOf {
			names = append(names, one.VariableNames()...)
		}
	}
	return names
}

func (v value) addVariables(names []string) []string {
	for _, one := range v.of {
		names = one.addVariables(names)
	}
	if v.head != nil {
		names = v.head.addVariables(names)
	}
	if v.form != template {
		return names
	}
	for _, found := range variable.FindAllSubmatch(v.data, -1) {
		if len(found[1]) > 0 {
			names = append(names, string(found[1]))
		}
	}
	return names
}

// String describes the message in one line for people.
func (m *Message) String() string {
	var parts []string
	for _, it := range m.items {
		switch {
		case it.oneOf != nil:
			var all []string
			for _, one := range it.oneOf {
				all = append(all, one.String())
			}
			parts = append(parts, "one of ("+strings.Join(all, " | ")+")")
		case it.any:
			parts = append(parts, "any message")
		case it.regex != nil:
			parts = append(parts, "/"+it.regex.String()+"/")
		case it.value.form == literal || it.value.form == template:
			parts = append(parts, quoteText(it.value.data))
		default:
			parts = append(parts, plural.Count(it.value.maxSize(Framing{}, MaxBytes), "byte"))
		}
	}
	return strings.Join(parts, " + ")
}

// Regexps returns the regular expressions of the message.
func (m *Message) Regexps() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, it := range m.items {
		if it.regex != nil {
			all = append(all, it.regex)
		}
		for _, one := range it.oneOf {
			all = append(all, one.Regexps()...)
		}
	}
	return all
}

// References returns the names of each ${name} in the message, those in regular
// expressions included.
func (m *Message) References() []string {
	names := m.VariableNames()
	for _, re := range m.Regexps() {
		for _, found := range variable.FindAllStringSubmatch(re.String(), -1) {
			if found[1] != "" {
				names = append(names, found[1])
			}
		}
	}
	return names
}

// Empty reports whether the message is no bytes at all.
func (m *Message) Empty() bool { return m.isLiteral() && m.maxSize(Framing{}) == 0 }
