package strictyaml

import "fmt"

// SinglePair returns the key and the value of a mapping that must have one key; nil
// after an error.
func (d *Decoder) SinglePair(n *Node) (key, value *Node) {
	if !d.isKind(n, Map) {
		return nil, nil
	}
	if len(n.pairs) != 1 {
		d.ReportError(n, fmt.Sprintf("the step has %d keys", len(n.pairs)), "write each step on its own line, beginning with a dash")
		return nil, nil
	}
	return n.pairs[0].key, n.pairs[0].value
}

// DecodeSteps is [Decoder.DecodeFields] of the words of a step; it says of an unknown one that
// it is no step.
func (d *Decoder) DecodeSteps(n *Node, fields map[string]func(*Node)) {
	if !d.isKind(n, Map) {
		return
	}
	known := *n
	known.pairs = nil
	for _, p := range n.pairs {
		if _, ok := fields[p.key.text]; ok {
			known.pairs = append(known.pairs, p)
			continue
		}
		d.ReportError(p.key, fmt.Sprintf("unknown step %q", p.key.text), suggestKey(p.key.text, fields))
	}
	if len(known.pairs) > 0 {
		d.DecodeFields(&known, fields)
	} else if len(n.pairs) == 0 {
		d.ReportError(n, "the step is empty", "give it send or expect")
	}
}
