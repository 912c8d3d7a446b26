package strictyaml

import (
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/packed"
)

// Pack returns the node and all in it as bytes, for another process of the same program: [Unpack]
// costs a tenth of what [ParseText] does. The name of the file is not among them.
func (n *Node) Pack() []byte { return n.appendTo(nil) }

func (n *Node) appendTo(b []byte) []byte {
	for _, number := range [...]int{int(n.kind), n.line, n.column} {
		b = packed.AppendNumber(b, number)
	}
	switch n.kind {
	case List:
		b = packed.AppendNumber(b, len(n.items))
		for _, item := range n.items {
			b = item.appendTo(b)
		}
	case Map:
		b = packed.AppendNumber(b, len(n.pairs))
		for _, p := range n.pairs {
			b = p.value.appendTo(p.key.appendTo(b))
		}
	default:
		b = packed.AppendText(b, n.text)
	}
	return b
}

// Unpack returns the node that was packed, under the name that its file was parsed under.
func Unpack(file string, b []byte) (*Node, error) {
	u := unpacker{packed.NewReader(b, MaxSize), file}
	n := u.node(0)
	if err := u.End(); err != nil {
		return nil, fmt.Errorf("yaml unpack: %w", err)
	}
	return n, nil
}

// An unpacker reads nodes.
type unpacker struct {
	*packed.Reader
	file string
}

func (u unpacker) node(depth int) *Node {
	n := &Node{file: u.file}
	kind := u.Number()
	if kind > int(Map) || depth > 2*MaxDepth {
		u.Fail()
	}
	n.kind, n.line, n.column = Kind(kind), u.Number(), u.Number()
	switch {
	case u.Failed():
	case n.kind == List:
		count := u.Count()
		n.items = slices.Grow(n.items, count)
		for range count {
			n.items = append(n.items, u.node(depth+1))
		}
	case n.kind == Map:
		count := u.Count()
		n.pairs = slices.Grow(n.pairs, count)
		for range count {
			key := u.node(depth + 1)
			n.pairs = append(n.pairs, pair{key, u.node(depth + 1)})
		}
	default:
		n.text = u.Text()
	}
	return n
}
