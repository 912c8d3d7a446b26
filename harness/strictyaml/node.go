package strictyaml

// A Kind is what a node is.
type Kind uint8

// The kinds.
const (
	Nothing Kind = iota // no value: "key:" or "~"
	Text                // a string, quoted or not
	Number              // an integer or a fraction
	Truth               // true or false
	List
	Map
)

// String returns the kind's name in messages for people.
func (k Kind) String() string {
	return [...]string{"nothing", "a string", "a number", "a truth value", "a list", "a mapping"}[k]
}

// A Node is a value of a file with its place there. It does not change.
type Node struct {
	file         string
	line, column int
	kind         Kind
	text         string  // of Text, Number and Truth, as written
	items        []*Node // of List
	pairs        []pair  // of Map, in the order of the file
}

type pair struct{ key, value *Node }

// File returns the name that the file was parsed under.
func (n *Node) File() string { return n.file }

// Line returns the line of the node's first character, from 1.
func (n *Node) Line() int { return n.line }

// Column returns the column of the node's first character, from 1.
func (n *Node) Column() int { return n.column }

// Kind returns what the node is.
func (n *Node) Kind() Kind { return n.kind }

// Text returns the characters of a string, a number or a truth value.
func (n *Node) Text() string { return n.text }

// Items returns the items of a list.
func (n *Node) Items() []*Node { return n.items }

// GetKey returns the value of a key of a mapping, or nil.
func (n *Node) GetKey(key string) *Node {
	for _, p := range n.pairs {
		if p.key.text == key {
			return p.value
		}
	}
	return nil
}

// Keys returns the keys of a mapping, in the order of the file.
func (n *Node) Keys() []*Node {
	keys := make([]*Node, len(n.pairs))
	for i, p := range n.pairs {
		keys[i] = p.key
	}
	return keys
}
