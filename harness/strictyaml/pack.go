package strictyaml

import (
	"encoding/binary"
	"errors"
	"slices"
)

// errPacked is for bytes that Pack did not make.
var errPacked = errors.New("not a packed node")

// Pack returns the node and all in it as bytes, for another process of the same program: [Unpack]
// costs a tenth of what [ParseText] does. The name of the file is not among them.
func (n *Node) Pack() []byte { return n.appendTo(nil) }

func (n *Node) appendTo(b []byte) []byte {
	b = append(b, byte(n.kind))
	b = binary.AppendUvarint(b, uint64(n.line))
	b = binary.AppendUvarint(b, uint64(n.column))
	switch n.kind {
	case List:
		b = binary.AppendUvarint(b, uint64(len(n.items)))
		for _, item := range n.items {
			b = item.appendTo(b)
		}
	case Map:
		b = binary.AppendUvarint(b, uint64(len(n.pairs)))
		for _, p := range n.pairs {
			b = p.value.appendTo(p.key.appendTo(b))
		}
	default:
		b = binary.AppendUvarint(b, uint64(len(n.text)))
		b = append(b, n.text...)
	}
	return b
}

// Unpack returns the node that was packed, under the name that its file was parsed under.
func Unpack(file string, packed []byte) (*Node, error) {
	u := unpacker{file: file, left: packed}
	n := u.node(0)
	if u.failed || len(u.left) > 0 {
		return nil, errPacked
	}
	return n, nil
}

// An unpacker reads nodes from what is left.
type unpacker struct {
	file   string
	left   []byte
	failed bool
}

func (u *unpacker) node(depth int) *Node {
	n := &Node{file: u.file}
	if len(u.left) == 0 || depth > 2*MaxDepth {
		u.failed = true
		return n
	}
	n.kind, u.left = Kind(u.left[0]), u.left[1:]
	n.line, n.column = u.number(), u.number()
	count := u.number()
	if u.failed || n.kind > Map || count > len(u.left) { // each item takes a byte at least
		u.failed = true
		return n
	}
	switch n.kind {
	case List:
		n.items = slices.Grow(n.items, count)
		for range count {
			n.items = append(n.items, u.node(depth+1))
		}
	case Map:
		n.pairs = slices.Grow(n.pairs, count)
		for range count {
			key := u.node(depth + 1)
			n.pairs = append(n.pairs, pair{key, u.node(depth + 1)})
		}
	default:
		n.text, u.left = string(u.left[:count]), u.left[count:]
	}
	return n
}

func (u *unpacker) number() int {
	v, size := binary.Uvarint(u.left)
	if size <= 0 || v > MaxSize {
		u.failed = true
		return 0
	}
	u.left = u.left[size:]
	return int(v)
}
