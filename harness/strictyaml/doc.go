// Package strictyaml reads the files that people write for the harness: YAML,
// strictly. Everything that is wrong with a file is found at once and told with
// its line and column, so that nothing starts on a file that is half right.
//
//	var d strictyaml.Decoder
//	node, err := strictyaml.LoadFile("harness.yaml")
//	d.DecodeFields(node, map[string]func(*strictyaml.Node){
//		"version": func(n *strictyaml.Node) { version = d.IntBetween(n, 1, 1) },
//	})
//	err = d.Err() // harness.yaml:1:10: …
//
// [ParseText] gives the tree of a file, a [Decoder] takes values out of it and
// collects what is wrong with them. The YAML library is behind this package
// alone.
//
// What is refused, because it surprises: anchors, aliases and merge keys, tags
// of one's own, keys given twice, numbers with a leading zero, more than one
// document, files over 16 MiB, nesting deeper than 64.
package strictyaml
