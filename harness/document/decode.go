package document

import (
	"fmt"
	"strings"
)

// A Decoder takes values out of nodes and collects what is wrong with them, so
// that one pass finds all. After an error its methods return a zero value and
// decoding goes on. The zero Decoder is ready to use; it is not safe for
// concurrent use.
type Decoder struct {
	errs Errors
}

// Err returns all that was found so far, in order of place, or nil. A non-nil
// error is of type [Errors].
func (d *Decoder) Err() error { return d.errs.sorted() }

// Failed tells how many errors were found so far; a caller compares two counts
// to know whether what it decoded in between is sound.
func (d *Decoder) Failed() int { return len(d.errs) }

// Report records what is wrong with n and what to do about it.
func (d *Decoder) Report(n *Node, message, hint string) {
	d.errs = append(d.errs, Error{File: n.file, Line: n.line, Column: n.column, Message: message, Hint: hint})
}

// Add takes over an error that was found elsewhere, such as in another file.
func (d *Decoder) Add(err error) { d.errs = append(d.errs, flatten(err)...) }

// Fields calls, in the order of the file, the function of each key of the
// mapping n. Unknown keys, keys given twice, and required keys that are missing
// are errors.
func (d *Decoder) Fields(n *Node, fields map[string]func(*Node), required ...string) {
	if !d.is(n, Map) {
		return
	}
	seen := map[string]int{}
	for _, p := range n.pairs {
		key := p.key.text
		decode, known := fields[key]
		switch line, twice := seen[key]; {
		case twice:
			d.Report(p.key, fmt.Sprintf("key %q is given twice", key), fmt.Sprintf("first in line %d; delete one", line))
		case !known:
			d.Report(p.key, fmt.Sprintf("unknown key %q", key), suggestion(key, fields))
		default:
			decode(p.value)
		}
		seen[key] = p.key.line
	}
	for _, key := range required {
		if _, given := seen[key]; !given {
			d.Report(n, fmt.Sprintf("key %q is missing", key), "")
		}
	}
}

// Pairs calls f, in the order of the file, for each key and value of a mapping
// whose keys are the writer's own. Keys given twice are errors.
func (d *Decoder) Pairs(n *Node, f func(key, value *Node)) {
	if !d.is(n, Map) {
		return
	}
	seen := map[string]int{}
	for _, p := range n.pairs {
		if line, twice := seen[p.key.text]; twice {
			d.Report(p.key, fmt.Sprintf("key %q is given twice", p.key.text), fmt.Sprintf("first in line %d; delete one", line))
			continue
		}
		seen[p.key.text] = p.key.line
		f(p.key, p.value)
	}
}

// One returns the key and the value of a mapping that must have exactly one of
// the known keys, such as {hex: "00"}; "" after an error.
func (d *Decoder) One(n *Node, known ...string) (key string, value *Node) {
	if !d.is(n, Map) {
		return "", nil
	}
	if len(n.pairs) != 1 {
		d.Report(n, fmt.Sprintf("a mapping with %d keys", len(n.pairs)), "give exactly one of "+strings.Join(known, ", "))
		return "", nil
	}
	fields := map[string]func(*Node){}
	for _, k := range known {
		fields[k] = func(v *Node) { key, value = k, v }
	}
	d.Fields(n, fields)
	return key, value
}

// List calls f for each item of a list.
func (d *Decoder) List(n *Node, f func(*Node)) {
	if !d.is(n, List) {
		return
	}
	for _, item := range n.items {
		f(item)
	}
}

// Strings returns the strings of a list. A single string is a list of one.
func (d *Decoder) Strings(n *Node) []string {
	if n.kind == Text {
		return []string{n.text}
	}
	var all []string
	d.List(n, func(item *Node) { all = append(all, d.String(item)) })
	return all
}

func (d *Decoder) is(n *Node, want Kind) bool {
	if n.kind == want {
		return true
	}
	hint := ""
	if want == Text && (n.kind == Number || n.kind == Truth) {
		hint = fmt.Sprintf("write it in quotes: %q", n.text)
	}
	d.Report(n, fmt.Sprintf("want %s, found %s", want, n.describe()), hint)
	return false
}

func (n *Node) describe() string {
	switch n.kind {
	case Text, Number, Truth:
		text := n.text
		if len(text) > 40 {
			text = strings.ToValidUTF8(text[:40], "") + "…"
		}
		return fmt.Sprintf("%s %q", n.kind, text)
	}
	return n.kind.String()
}
