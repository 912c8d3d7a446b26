package scenariofile

import (
	"errors"
	"strings"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A Fault is a toxic with the place where it strikes. What is not one of the
// fields is an attribute of the toxic.
type Fault struct {
	spec      spec.Spec
	datagrams bool // spec is of harness/datagram

	Node *strictyaml.Node // where it is written
}

func (r stepReader) readFault(n *strictyaml.Node) Fault {
	f := Fault{datagrams: r.datagrams}
	f.read(r.Decoder, n)
	return f
}

// catalogue returns the toxics that the fault can be.
func (f *Fault) catalogue() []spec.Kind {
	if f.datagrams {
		return datagram.Catalogue()
	}
	return toxics.Catalogue()
}

// kind returns the entry of the catalogue; of a type that is unknown, none.
func (f *Fault) kind() spec.Kind {
	kind, _ := spec.LookupKind(f.catalogue(), f.spec.Type)
	return kind
}

func (f *Fault) read(d *strictyaml.Decoder, n *strictyaml.Node) {
	f.Node = n
	f.spec = spec.Spec{Attributes: map[string]any{}}
	before := d.ErrorCount()
	kind := n.GetKey("toxic")
	if kind != nil {
		f.spec.Type = d.OneOf(kind, toxicNames(f.catalogue())...)
	}
	fields := map[string]func(*strictyaml.Node){
		"toxic":     func(*strictyaml.Node) {},
		"name":      func(n *strictyaml.Node) { f.spec.Name = d.NonEmptyString(n) },
		"direction": func(n *strictyaml.Node) { f.spec.Direction = readDirection(d, n) },
		"toxicity":  func(n *strictyaml.Node) { f.spec.Toxicity = d.FloatBetween(n, 0, 1) },
		"connection": func(n *strictyaml.Node) {
			f.spec.Connection = uint64(d.IntBetween(n, 1, 1<<31))
		},
		"at": func(n *strictyaml.Node) { f.spec.At = readTrigger(d, n) },
	}
	for _, k := range f.catalogue() {
		if k.Name != f.spec.Type {
			continue
		}
		for _, a := range k.Attributes {
			fields[a.Name] = func(n *strictyaml.Node) { f.spec.Attributes[a.Name] = readValue(d, n) }
		}
	}
	if kind == nil || d.ErrorCount() == before {
		d.DecodeFields(n, fields, "toxic")
	}
	if d.ErrorCount() > before {
		return
	}
	f.checkToxic(d)
}

// checkToxic checks what toxics know of each other's attributes.
func (f *Fault) checkToxic(d *strictyaml.Decoder) {
	name, err := f.makeToxic()
	if err == nil {
		f.spec.Name = name
		return
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		d.ReportError(f.placeOf(err), strings.TrimPrefix(err.Error(), "toxic "+f.spec.Type+": "), "see harness toxics "+f.spec.Type)
	}
}

// makeToxic checks the toxic and returns its name.
func (f *Fault) makeToxic() (string, error) {
	if f.datagrams {
		made, err := datagram.MakeToxic(f.spec)
		return made.Name, err
	}
	made, err := toxics.MakeToxic(f.framed(dialogue.Framing{Kind: dialogue.Line}))
	return made.Name, err
}

// framed returns the toxic with the framing of the scenario, if it needs one.
func (f *Fault) framed(framing dialogue.Framing) spec.Spec {
	spec := f.spec
	spec.At = spec.At.WithFraming(framing.Text())
	return spec
}

// placeOf returns the key that an error is about, else the whole fault.
func (f *Fault) placeOf(err error) *strictyaml.Node {
	text := errors.Unwrap(err)
	if text == nil {
		text = err
	}
	word, _, _ := strings.Cut(text.Error(), " ")
	word, _, _ = strings.Cut(word, ".")
	if n := f.Node.GetKey(word); n != nil {
		return n
	}
	return f.Node
}

func toxicNames(kinds []spec.Kind) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

func readDirection(d *strictyaml.Decoder, n *strictyaml.Node) event.Direction {
	if d.OneOf(n, "upstream", "downstream") == "downstream" {
		return event.Downstream
	}
	return event.Upstream
}

// readTrigger reads where a fault strikes.
func readTrigger(d *strictyaml.Decoder, n *strictyaml.Node) spec.Trigger {
	fields := map[string]func(*strictyaml.Node){}
	values := map[string]any{}
	for _, name := range spec.TriggerFields() {
		fields[name] = func(n *strictyaml.Node) { values[name] = readValue(d, n) }
	}
	before := d.ErrorCount()
	d.DecodeFields(n, fields)
	if d.ErrorCount() > before {
		return spec.Trigger{}
	}
	t, err := spec.ParseTrigger(values)
	if err != nil {
		d.ReportError(n, err.Error(), "")
	}
	return t
}

// readValue returns a scalar, or a list of them, as toxics read it.
func readValue(d *strictyaml.Decoder, n *strictyaml.Node) any {
	switch n.Kind() {
	case strictyaml.List:
		var all []any
		d.EachItem(n, func(n *strictyaml.Node) { all = append(all, readValue(d, n)) })
		return all
	case strictyaml.Truth:
		return d.Bool(n)
	case strictyaml.Map, strictyaml.Nothing:
		d.ReportError(n, "want a value", "write a number, a text or a list")
		return nil
	}
	return n.Text()
}
