package strictyaml

import (
	"fmt"

	yaml "go.yaml.in/yaml/v4"
)

// A builder turns the library's nodes into ours and collects what we refuse.
type builder struct {
	file string
	errs Errors
}

func (b *builder) refuseNode(n *yaml.Node, message, hint string) {
	b.errs = append(b.errs, Error{File: b.file, Line: n.Line, Column: n.Column, Message: message, Hint: hint})
}

func (b *builder) buildNode(n *yaml.Node) *Node {
	made := &Node{file: b.file, line: n.Line, column: n.Column}
	if n.Anchor != "" {
		b.refuseNode(n, fmt.Sprintf("anchor &%s is not supported", n.Anchor), "write the value out where it is needed")
	}
	switch n.Kind {
	case yaml.ScalarNode:
		made.text, made.kind = n.Value, b.scalarKind(n)
	case yaml.SequenceNode:
		made.kind = List
		for _, item := range n.Content {
			made.items = append(made.items, b.buildNode(item))
		}
	case yaml.MappingNode:
		made.kind = Map
		b.buildPairs(made, n)
	default:
		b.refuseNode(n, fmt.Sprintf("alias *%s is not supported", n.Value), "write the value out where it is needed")
	}
	return made
}

func (b *builder) buildPairs(made *Node, n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Tag == "!!merge":
			b.refuseNode(key, "merge key << is not supported", "write the keys out")
		case key.Kind != yaml.ScalarNode || key.Value == "":
			b.refuseNode(key, "a key must be plain text", "put text that begins with a brace into quotes")
		default:
			made.pairs = append(made.pairs, pair{b.buildNode(key), b.buildNode(n.Content[i+1])})
		}
	}
}

func (b *builder) scalarKind(n *yaml.Node) Kind {
	switch n.Tag {
	case "!!null":
		return Nothing
	case "!!int", "!!float":
		return Number
	case "!!bool":
		return Truth
	case "!!str", "!!timestamp", "!!merge":
		return Text
	}
	b.refuseNode(n, fmt.Sprintf("tag %s is not supported", n.Tag), "leave it out")
	return Text
}
