package harness

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sockharness/harness/"

// floors is the picture of doc.go as data. A package imports packages of lower
// floors only; "..." stands for every package below a folder.
var floors = [][]string{
	0: {"harness/event", "harness/chance", "harness/sock", "harness/wire", "harness/document", "fixtures/..."},
	1: {"toxics", "harness/link", "harness/peer", "harness/probe", "harness/dialogue", "harness/outcome"},
	2: {"harness/proxy", "harness/datagram", "harness/scenario", "harness/report", "harness/waiver"},
	3: {"harness/runner", "harness/explore"},
	4: {"harness/api", "harness/suite", "harness/coordinator"},
	5: {"cmd/...", "scenarios/..."},
}

// sideways lists the imports within floor 0 and up that the picture allows:
// the contract and the socket acts speak of events; the command calls the suites.
var sideways = map[string][]string{
	"harness/wire":  {"harness/event"},
	"harness/sock":  {"harness/wire"},
	"harness/suite": {"harness/coordinator"},
	"scenarios":     {"scenarios/..."},
	"cmd/harness":   {"scenarios", "scenarios/..."},
}

// reserved says who alone may import a third party.
var reserved = map[string][]string{
	"github.com/onsi/ginkgo/":                    {"harness/suite", "harness/coordinator", "scenarios/..."},
	"github.com/onsi/gomega":                     {"harness/suite", "scenarios/..."},
	"github.com/Shopify/toxiproxy/v2/toxics":     {"toxics", "harness/link", "harness/proxy"},
	"github.com/Shopify/toxiproxy/v2/stream":     {"toxics", "harness/link", "harness/proxy"},
	"github.com/Shopify/toxiproxy/v2/client":     {"cmd/..."},
	"go.yaml.in/yaml":                            {"harness/document"},
	"github.com/Shopify/toxiproxy/v2/testhelper": nil,
}

func matches(pattern, pkg string) bool {
	if folder, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(pkg+"/", folder)
	}
	return pattern == pkg
}

func matchesAny(patterns []string, pkg string) bool {
	for _, p := range patterns {
		if matches(p, pkg) {
			return true
		}
	}
	return false
}

func floorOf(pkg string) int {
	for floor, patterns := range floors {
		if matchesAny(patterns, pkg) {
			return floor
		}
	}
	return -1
}

func TestLayers(t *testing.T) {
	seen := 0
	eachGoFile(t, func(path, pkg string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			return
		}
		seen++
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			checkImport(t, path, pkg, imported)
		}
	})
	if seen < 100 {
		t.Errorf("got %d Go files, want the whole tree", seen)
	}
}

func checkImport(t *testing.T, path, pkg, imported string) {
	t.Helper()
	test := strings.HasSuffix(path, "_test.go")
	for prefix, allowed := range reserved {
		if strings.HasPrefix(imported, prefix) && !matchesAny(allowed, pkg) && !test {
			t.Errorf("%s imports %s, which only %v may", path, imported, allowed)
		}
	}
	inner, ours := strings.CutPrefix(imported, module)
	if !ours || inner == pkg || test || pkg == "harness" {
		return
	}
	from, to := floorOf(pkg), floorOf(inner)
	switch {
	case from < 0:
		t.Errorf("%s: package %s stands on no floor; draw it in doc.go and layers_test.go", path, pkg)
	case to < 0:
		t.Errorf("%s imports %s, which stands on no floor", path, inner)
	case to >= from && !matchesAny(sideways[pkg], inner):
		t.Errorf("%s (floor %d) imports %s (floor %d); imports point to a lower floor only", path, from, inner, to)
	}
}

// eachGoFile calls visit with every Go file of the module and its package's
// path below the module.
func eachGoFile(t *testing.T, visit func(path, pkg string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, ".go") {
			pkg, _ := filepath.Rel("..", filepath.Dir(path))
			visit(path, filepath.ToSlash(pkg))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
