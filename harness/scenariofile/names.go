package scenariofile

import (
	"path"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/strictyaml"
)

// Names are strings that may be written as one.
type Names []string

// Bind implements [strictyaml.Binder].
func (names *Names) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	*names = d.StringList(n)
	for _, glob := range *names {
		if _, err := path.Match(glob, ""); err != nil {
			d.ReportError(n, "the pattern "+glob+" is not closed", "write a glob such as kv-*")
		}
	}
}

// Framing is a framing as it is written in a dialogue.
type Framing struct{ dialogue.Framing }

// Bind implements [strictyaml.Binder].
func (f *Framing) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	f.Framing = dialogue.Reader{Decoder: d}.ReadFraming(n)
}

// Needs are policies that a target must declare: by name alone, or with a value.
type Needs map[string]string

// Bind implements [strictyaml.Binder].
func (needs *Needs) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	*needs = Needs{}
	if n.Kind() == strictyaml.Map {
		d.EachPair(n, func(key, value *strictyaml.Node) {
			if name := d.OneOf(key, PolicyNames()...); name != "" {
				(*needs)[name] = value.Text()
			}
		})
		return
	}
	if n.Kind() == strictyaml.Text {
		(*needs)[d.OneOf(n, PolicyNames()...)] = ""
		return
	}
	d.EachItem(n, func(n *strictyaml.Node) { (*needs)[d.OneOf(n, PolicyNames()...)] = "" })
}

// missingNeed returns the first of the needs that declared does not have, in order.
func (needs Needs) missingNeed(declared map[string]string) string {
	for _, name := range sortedKeys(needs) {
		value, ok := declared[name]
		switch want := needs[name]; {
		case !ok && want == "":
			return name
		case want != "" && value != want:
			return name + ": " + want
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
