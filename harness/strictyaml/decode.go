package strictyaml

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
func (d *Decoder) Err() error { return d.errs.sortedErrors() }

// ErrorCount tells how many errors were found so far; a caller compares two counts
// to know whether what it decoded in between is sound.
func (d *Decoder) ErrorCount() int { return len(d.errs) }

// ReportError records what is wrong with n and what to do about it.
func (d *Decoder) ReportError(n *Node, message, hint string) {
	d.errs = append(d.errs, Error{File: n.file, Line: n.line, Column: n.column, Message: message, Hint: hint})
}

// AddError takes over an error that was found elsewhere, such as in another file.
func (d *Decoder) AddError(err error) { d.errs = append(d.errs, flattenErrors(err)...) }

// DecodeFields calls, in the order of the file, the function of each key of the
// mapping n. Unknown keys, keys given twice, and required keys that are missing
// are errors.
func (d *Decoder) DecodeFields(n *Node, fields map[string]func(*Node), required ...string) {
	if !d.isKind(n, Map) {
		return
	}
	seen := map[string]int{}
	for _, p := range n.pairs {
		key := p.key.text
		decode, known := fields[key]
		switch line, twice := seen[key]; {
		case twice:
			d.ReportError(p.key, fmt.Sprintf("key %q is given twice", key), fmt.Sprintf("first in line %d; delete one", line))
		case !known:
			d.ReportError(p.key, fmt.Sprintf("unknown key %q", key), suggestKey(key, fields))
		default:
			decode(p.value)
		}
		seen[key] = p.key.line
	}
	for _, key := range required {
		if _, given := seen[key]; !given {
			d.ReportError(n, fmt.Sprintf("key %q is missing", key), "")
		}
	}
}

// EachPair calls f, in the order of the file, for each key and value of a mapping
// whose keys are the writer's own. Keys given twice are errors.
func (d *Decoder) EachPair(n *Node, f func(key, value *Node)) {
	if !d.isKind(n, Map) {
		return
	}
	seen := map[string]int{}
	for _, p := range n.pairs {
		if line, twice := seen[p.key.text]; twice {
			d.ReportError(p.key, fmt.Sprintf("key %q is given twice", p.key.text), fmt.Sprintf("first in line %d; delete one", line))
			continue
		}
		seen[p.key.text] = p.key.line
		f(p.key, p.value)
	}
}

// SingleKnownKey returns the key and the value of a mapping that must have exactly one of
// the known keys, such as {hex: "00"}; "" after an error.
func (d *Decoder) SingleKnownKey(n *Node, known ...string) (key string, value *Node) {
	if !d.isKind(n, Map) {
		return "", nil
	}
	if len(n.pairs) != 1 {
		d.ReportError(n, fmt.Sprintf("the mapping has %d keys", len(n.pairs)), "give exactly one of "+strings.Join(known, ", "))
		return "", nil
	}
	fields := map[string]func(*Node){}
	for _, k := range known {
		fields[k] = func(v *Node) { key, value = k, v }
	}
	d.DecodeFields(n, fields)
	return key, value
}

// EachItem calls f for each item of a list.
func (d *Decoder) EachItem(n *Node, f func(*Node)) {
	if !d.isKind(n, List) {
		return
	}
	for _, item := range n.items {
		f(item)
	}
}

// StringList returns the strings of a list. A single string is a list of one. An item
// {word} is the text "{word}": nobody writes a mapping there.
func (d *Decoder) StringList(n *Node) []string {
	if n.kind == Text {
		return []string{n.text}
	}
	var all []string
	d.EachItem(n, func(item *Node) {
		if name, ok := item.bracedWord(); ok {
			all = append(all, name)
			return
		}
		all = append(all, d.String(item))
	})
	return all
}

// bracedWord returns "{word}" of a mapping with that key and no value.
func (n *Node) bracedWord() (string, bool) {
	if n.kind != Map || len(n.pairs) != 1 || n.pairs[0].value.kind != Nothing {
		return "", false
	}
	return "{" + n.pairs[0].key.text + "}", true
}

func (d *Decoder) isKind(n *Node, want Kind) bool {
	if n.kind == want {
		return true
	}
	hint := ""
	if want == Text && (n.kind == Number || n.kind == Truth) {
		hint = fmt.Sprintf("write it in quotes: %q", n.text)
	}
	d.ReportError(n, fmt.Sprintf("want %s, found %s", want, n.describeNode()), hint)
	return false
}

func (n *Node) describeNode() string {
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
