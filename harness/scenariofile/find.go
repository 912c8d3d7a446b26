package scenariofile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/strictyaml"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// A Source is a scenario file with its text, so that editing the file during a run
// has no effect.
type Source struct {
	File string // path of the file
	Text []byte // content of the file
	Tree []byte // the same as it was parsed, see [Set.Pack]; it comes before Text
}

// A Set is the scenarios of some files.
type Set struct {
	Sources     []Source      // the files
	Definitions []*Definition // the scenarios in them, in order
	Summaries   []Summary     // of the definitions: who only runs scenarios needs no more than these

	roots []*strictyaml.Node // of the sources; nil: packed
}

// Pack adds to the sources what was parsed of them, so that it is parsed only once in a run, and
// forgets the definitions.
func (s *Set) Pack() {
	for i, root := range s.roots {
		if root != nil {
			s.Sources[i].Tree = root.Pack()
		}
	}
	s.roots, s.Definitions = nil, nil
}

// SourcesToRun returns the sources for who runs their scenarios and shows no line of them.
func (s Set) SourcesToRun() []Source {
	all := slices.Clone(s.Sources)
	for i := range all {
		if len(all[i].Tree) > 0 {
			all[i].Text = nil
		}
	}
	return all
}

// ErrNone says that no scenario file was found below a folder.
var ErrNone = errors.New("no scenario file was found")

// FindFiles reads the scenario files that the paths name: a file, "-" for stdin, or a
// folder with every *.yaml and *.yml below it that holds scenarios. Names that
// begin with a dot, node_modules, and files of other kinds (harness.yaml,
// dialogues, waivers) are left out of folders. The error is of type
// [strictyaml.Errors], or wraps [ErrNone].
func FindFiles(stdin io.Reader, paths ...string) (Set, error) {
	var set Set
	var dec strictyaml.Decoder
	var all []document
	for _, path := range paths {
		found, err := readDocuments(stdin, path, document.holdsScenarios)
		if len(found) == 0 && err == nil {
			return set, fmt.Errorf("%s: %w below this folder", path, ErrNone)
		}
		dec.AddError(err)
		all = append(all, found...)
	}
	all = uniqueDocuments(all)
	for _, d := range all {
		set.Sources, set.roots = append(set.Sources, d.Source), append(set.roots, d.root)
	}
	definitions, err := decodeAll(all)
	dec.AddError(err)
	set.Definitions = definitions
	for _, d := range definitions {
		set.Summaries = append(set.Summaries, d.Summarize())
	}
	return set, dec.Err()
}

// ParseAll reads the scenarios of all sources; every error of every file is in the
// one that it returns, of type [strictyaml.Errors].
func ParseAll(sources []Source) ([]*Definition, error) {
	all := make([]document, len(sources))
	sideBySide(len(sources), func(i int) { all[i] = parseDocument(sources[i]) })
	return decodeAll(all)
}

// decodeAll reads the scenarios of all documents.
func decodeAll(documents []document) ([]*Definition, error) {
	found, failed := make([][]*Definition, len(documents)), make([]error, len(documents))
	sideBySide(len(documents), func(i int) { found[i], failed[i] = documents[i].decode() })
	var dec strictyaml.Decoder
	for _, err := range failed {
		dec.AddError(err)
	}
	all := slices.Concat(found...)
	first := map[string]*strictyaml.Node{}
	for _, d := range all {
		n := d.Node.GetKey("scenario")
		if before, twice := first[d.ID]; twice {
			dec.ReportError(n, fmt.Sprintf("scenario %q is defined twice", d.ID), fmt.Sprintf("first in %s:%d; rename one", before.File(), before.Line()))
			continue
		}
		first[d.ID] = n
	}
	return all, dec.Err()
}

func uniqueDocuments(all []document) []document {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(d document) bool {
		path, err := filepath.Abs(d.File)
		if err != nil || d.File == Stdin {
			path = d.File
		}
		twice := seen[path]
		seen[path] = true
		return twice
	})
}

func unreadableError(path string, err error) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		err = in.Err
	}
	return strictyaml.Error{File: path, Message: err.Error(), Hint: "give the path of a file that can be read"}
}

// readFile reads no more than a document may have.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, strictyaml.MaxSize+1))
}

// filesBelow returns the YAML files in a folder, at any depth.
func filesBelow(folder string) (paths []string, err error) {
	var dec strictyaml.Decoder
	dec.AddError(filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			dec.AddError(unreadableError(path, err))
		case e.IsDir() && path != folder && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules"):
			return filepath.SkipDir
		case e.IsDir() || !isYAML(path) || strings.HasPrefix(e.Name(), ".") || isSpecial(path, e):
		default:
			paths = append(paths, path)
		}
		return nil
	}))
	return paths, dec.Err()
}

// isSpecial reports whether the path is a pipe, a socket or a device, which may never end.
func isSpecial(path string, e fs.DirEntry) bool {
	kind := e.Type()
	if kind&fs.ModeSymlink != 0 {
		info, err := os.Stat(path)
		if err != nil {
			return false // reading it tells what is wrong
		}
		kind = info.Mode().Type()
	}
	return kind&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice|fs.ModeCharDevice) != 0
}

func isYAML(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".yaml" || ext == ".yml"
}

// FileOf returns the file in which a scenario is written, or "".
func (s Set) FileOf(id string) string {
	for _, one := range s.Summaries {
		if one.ID == id {
			return one.File
		}
	}
	return ""
}

// ExplainErrors returns the errors with their lines, for people.
func ExplainErrors(err error, sources []Source) string {
	return strictyaml.FormatExcerpt(err, func(file string) []byte {
		for _, s := range sources {
			if s.File == file {
				return s.Text
			}
		}
		return nil
	})
}
