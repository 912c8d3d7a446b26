package dialogue

import (
	"path/filepath"

	"github.com/sockharness/harness/harness/document"
)

// Load reads the dialogue in a file. See [Parse].
func Load(path string) (*Dialogue, error) {
	root, err := document.Load(path)
	return decode(path, root, err)
}

// Parse reads a dialogue. The error is of type [document.Errors] and names
// everything that is wrong with it, contradictions included, at its place. Files
// that the dialogue names are read, relative to the folder of file.
func Parse(file string, data []byte) (*Dialogue, error) {
	root, err := document.Parse(file, data)
	return decode(file, root, err)
}

func decode(file string, root *document.Node, err error) (*Dialogue, error) {
	var dec document.Decoder
	dec.Add(err)
	if root == nil {
		return nil, dec.Err()
	}
	if d := Decode(&dec, file, root); dec.Failed() == 0 {
		return d, nil
	}
	return nil, dec.Err()
}

// Decode reads the dialogue at a node, such as one that is written inside
// another file. What is wrong is added to dec; the dialogue is sound only if
// nothing was.
func Decode(dec *document.Decoder, file string, n *document.Node) *Dialogue {
	d := &Dialogue{File: file}
	before, end := dec.Failed(), (*document.Node)(nil)
	r := Reader{Decoder: dec, Folder: filepath.Dir(file)}
	dec.Fields(n, map[string]func(*document.Node){
		"dialogue": func(n *document.Node) { d.Name = dec.Word(n) },
		"framing":  func(n *document.Node) { d.Framing = r.framing(n) },
		"greeting": func(n *document.Node) { d.Greeting = r.greeting(n) },
		"exchanges": func(n *document.Node) {
			dec.List(n, func(n *document.Node) { d.Exchanges = append(d.Exchanges, r.exchange(n)) })
		},
		"end":      func(n *document.Node) { end, d.End = n, r.end(n) },
		"volatile": func(n *document.Node) { d.Volatile = r.volatile(n) },
	}, "dialogue")
	if dec.Failed() > before {
		return d
	}
	if end == nil && d.Framing.Kind == UntilEOF && d.answers() {
		d.End = ServerCloses
	}
	c := checker{dec: dec, d: d, root: n}
	c.check(end)
	return d
}

// answers tells whether the server says anything.
func (d *Dialogue) answers() bool {
	for _, e := range d.Exchanges {
		if e.Expect != nil {
			return true
		}
	}
	return d.Greeting != nil
}
