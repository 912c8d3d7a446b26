package scenariofile

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sockharness/harness/harness/strictyaml"
)

// A document is a file whose YAML was read, once for all that is asked of it.
type document struct {
	Source
	root *strictyaml.Node // nil where the YAML cannot be read
	err  error            // what is wrong with the YAML
}

func parseDocument(s Source) document {
	if len(s.Tree) > 0 {
		root, err := strictyaml.Unpack(s.File, s.Tree)
		return document{Source: s, root: root, err: err}
	}
	root, err := strictyaml.ParseText(s.File, s.Text)
	return document{Source: s, root: root, err: err}
}

// readDocuments reads a file that is named, or those of a folder that are wanted. An
// error tells which cannot be read; the others are returned beside it.
func readDocuments(stdin io.Reader, path string, wanted func(document) bool) ([]document, error) {
	if path == Stdin {
		text, err := io.ReadAll(io.LimitReader(stdin, strictyaml.MaxSize+1))
		if err != nil {
			return nil, strictyaml.Error{File: "-", Message: err.Error(), Hint: "write the scenario to standard input"}
		}
		return []document{parseDocument(Source{File: Stdin, Text: text})}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadableError(path, err)
	}
	if !info.IsDir() {
		return readAll([]string{path}, func(document) bool { return true })
	}
	var dec strictyaml.Decoder
	paths, err := filesBelow(path)
	dec.AddError(err)
	all, err := readAll(paths, wanted)
	dec.AddError(err)
	return all, dec.Err()
}

// readAll reads the files, in their order, and returns those that are wanted.
func readAll(paths []string, wanted func(document) bool) ([]document, error) {
	all, keep, failed := make([]document, len(paths)), make([]bool, len(paths)), make([]error, len(paths))
	sideBySide(len(paths), func(i int) {
		text, err := readFile(paths[i])
		if err != nil {
			failed[i] = unreadableError(paths[i], err)
			return
		}
		d := parseDocument(Source{File: paths[i], Text: text})
		if keep[i] = wanted(d); keep[i] {
			all[i] = d
		}
	})
	var dec strictyaml.Decoder
	for _, err := range failed {
		dec.AddError(err)
	}
	var found []document
	for i, d := range all {
		if keep[i] {
			found = append(found, d)
		}
	}
	return found, dec.Err()
}

// sideBySide calls f for each number below n, on as many goroutines as there are
// processors, and blocks until all have returned.
func sideBySide(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	all.Wait()
}

// decode reads the scenarios. The error is of type [strictyaml.Errors].
func (d document) decode() ([]*Definition, error) {
	var dec strictyaml.Decoder
	dec.AddError(d.err)
	if d.root == nil {
		return nil, dec.Err()
	}
	nodes := []*strictyaml.Node{d.root}
	if d.root.Kind() == strictyaml.List {
		nodes = d.root.Items()
	}
	if d.root.Kind() == strictyaml.Nothing || len(nodes) == 0 {
		dec.ReportError(d.root, "the file contains no scenario", "write one: scenario: topic/name")
		return nil, dec.Err()
	}
	var all []*Definition
	for _, n := range nodes {
		if one := decodeScenario(&dec, n); one != nil {
			all = append(all, one)
		}
	}
	return all, dec.Err()
}

// KindOf tells what a file is by its outermost keys: config, dialogue, waivers or
// scenario; "scenario" where they do not tell, "" for YAML of others.
func KindOf(s Source) string { return parseDocument(s).kind() }

func (d document) kind() string {
	if d.err != nil || d.root == nil {
		return kindOfText(d.Text)
	}
	has := func(key string) bool { return d.root.GetKey(key) != nil }
	switch {
	case has("targets") && !has("scenario"):
		return "config"
	case has("waivers"):
		return "waivers"
	case has("dialogue") && !has("scenario"):
		return "dialogue"
	case d.holdsScenarios():
		return "scenario"
	}
	return ""
}

// kindOfText is for files that YAML itself refuses.
func kindOfText(text []byte) string {
	for word, kind := range map[string]string{"targets:": "config", "waivers:": "waivers", "dialogue:": "dialogue", "scenario:": "scenario"} {
		if bytes.HasPrefix(text, []byte(word)) || bytes.Contains(text, []byte("\n"+word)) {
			return kind
		}
	}
	if bytes.Contains(text, []byte("scenario:")) {
		return "scenario"
	}
	return ""
}

// otherKeys are what files of the harness begin with that hold no scenarios.
var otherKeys = [...]string{"version", "targets", "dialogue", "waivers"}

// holdsScenarios tells a scenario file from other YAML by its outermost keys. One
// that cannot be read, or has none of them, is taken for one, so that a mistake in
// it is seen.
func (d document) holdsScenarios() bool {
	if d.err != nil || d.root == nil {
		return bytes.Contains(d.Text, []byte("scenario"))
	}
	root := d.root
	if items := root.Items(); len(items) > 0 {
		root = items[0]
	}
	has := func(key string) bool { return root.GetKey(key) != nil }
	if slices.ContainsFunc(otherKeys[:], has) && !has("scenario") {
		return false
	}
	return has("scenario") || has("steps") || has("faults")
}
