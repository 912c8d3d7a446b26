package dialogue

import (
	"path/filepath"

	"github.com/sockharness/harness/harness/strictyaml"
)

// LoadFile reads the dialogue in a file. See [Parse].
func LoadFile(path string) (*Dialogue, error) {
	root, err := strictyaml.LoadFile(path)
	return decodeRoot(path, root, err)
}

// Parse reads a dialogue. The error is of type [strictyaml.Errors] and names
// everything that is wrong with it, contradictions included, at its place. Files
// that the dialogue names are read, relative to the folder of file.
func Parse(file string, data []byte) (*Dialogue, error) {
	root, err := strictyaml.ParseText(file, data)
	return decodeRoot(file, root, err)
}

func decodeRoot(file string, root *strictyaml.Node, err error) (*Dialogue, error) {
	var dec strictyaml.Decoder
	dec.AddError(err)
	if root == nil {
		return nil, dec.Err()
	}
	if d := DecodeNode(&dec, file, root); dec.ErrorCount() == 0 {
		return d, nil
	}
	return nil, dec.Err()
}

// DecodeNode reads the dialogue at a node, such as one that is written inside
// another file. What is wrong is added to dec; the dialogue is sound only if
// nothing was.
func DecodeNode(dec *strictyaml.Decoder, file string, n *strictyaml.Node) *Dialogue {
	d := &Dialogue{File: file}
	before, end := dec.ErrorCount(), (*strictyaml.Node)(nil)
	var order, skip *strictyaml.Node
	r := Reader{Decoder: dec, Folder: filepath.Dir(file)}
	dec.DecodeFields(n, map[string]func(*strictyaml.Node){
		"dialogue": func(n *strictyaml.Node) { d.Name = dec.NonEmptyString(n) },
		"framing":  func(n *strictyaml.Node) { d.Framing = r.ReadFraming(n) },
		"greeting": func(n *strictyaml.Node) { d.Greeting, d.GreetingKeep = r.readGreeting(n) },
		"exchanges": func(n *strictyaml.Node) {
			dec.EachItem(n, func(n *strictyaml.Node) { d.Exchanges = append(d.Exchanges, r.readExchange(n)) })
		},
		"end":      func(n *strictyaml.Node) { end, d.End = n, r.readEnd(n) },
		"volatile": func(n *strictyaml.Node) { d.Volatile = r.readVolatile(n) },
		"order":    func(n *strictyaml.Node) { order, d.Order = n, r.readOrder(n) },
		"skip":     func(n *strictyaml.Node) { skip, d.Skip = n, r.readSkip(n) },
	}, "dialogue")
	if dec.ErrorCount() > before {
		return d
	}
	if end == nil && d.Framing.Kind == UntilEOF && d.serverSpeaks() {
		d.End = ServerCloses
	}
	c := checker{dec: dec, d: d, root: n}
	c.checkAll(end)
	c.checkArranged(order, skip)
	return d
}

// serverSpeaks tells whether the server says anything.
func (d *Dialogue) serverSpeaks() bool {
	for _, e := range d.Exchanges {
		if e.Expect != nil {
			return true
		}
	}
	return d.Greeting != nil
}
