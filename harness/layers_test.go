package harness

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sockharness/harness/"

// A floor is a row of the picture of doc.go.
type floor struct {
	name     string
	packages []string
}

// floors is the picture of doc.go as data, from the ground up: each row imports
// rows before it only. "*" stands for one part of a path, "..." for every
// package at or below a folder; a name in full goes before both.
var floors = []floor{
	{"0", []string{"harness/event", "harness/seed", "harness/sleep", "harness/eintr", "harness/excerpt", "harness/lifetime", "harness/plural", "harness/packed", "harness/suggest", "harness/stacktrace", "fixtures/..."}},
	{"0, right of the bar", []string{"harness/strictyaml", "harness/procstat", "toxics/hook"}},
	{"1", []string{"harness/sock"}},
	{"1, right of the bar", []string{"harness/link", "harness/peer", "harness/probe", "harness/dialogue", "harness/outcome", "harness/nameserver"}},
	{"1, right of both bars", []string{"harness/tlsconn", "toxics/spec"}},
	{"1, right of three bars", []string{"toxics/engine"}},
	{"1, right of all bars", []string{"toxics/adapter"}},
	{"2", []string{"toxics"}},
	{"2, right of the bar", []string{"harness/proxy", "harness/datagram", "harness/scenario", "harness/report", "harness/waiver", "harness/await", "harness/capture", "harness/ui"}},
	{"2, right of both bars", []string{"harness/scenariofile"}},
	{"3", []string{"harness/rig", "harness/schema"}},
	{"4", []string{"harness/runner", "harness/coordinator"}},
	{"4, right of the bar", []string{"harness/gosuite", "harness/explore", "harness/mutate"}},
	{"5", []string{"harness/api", "harness/suite"}},
	{"6", []string{"scenarios/..."}},
	{"7", []string{"scenarios", "cmd/harness/internal/cli"}},
	{"7, right of the bar", []string{"harness/socktest", "cmd/harness/internal/targets", "cmd/harness/internal/transport", "cmd/harness/internal/outputs"}},
	{"7, right of both bars", []string{"harness/socktest/match"}},
	{"8", []string{"cmd/harness/internal/*cmd", "cmd/bench"}},
	{"9", []string{"cmd/harness"}},
}

// reserved says who alone may import a third party.
var reserved = map[string][]string{
	"github.com/onsi/ginkgo/":                    {"harness/suite", "harness/coordinator", "harness/gosuite", "scenarios/..."},
	"github.com/onsi/gomega":                     {"harness/suite", "scenarios/...", "harness/socktest/match"},
	"github.com/onsi/gomega/gbytes":              {"harness/socktest", "harness/socktest/match"}, // which links no more than gomega/format
	"github.com/Shopify/toxiproxy/v2/toxics":     {"toxics", "toxics/engine", "toxics/adapter", "harness/link", "harness/proxy"},
	"github.com/Shopify/toxiproxy/v2/stream":     {"toxics", "toxics/engine", "toxics/adapter", "harness/link", "harness/proxy"},
	"github.com/Shopify/toxiproxy/v2/client":     {"cmd/...", "harness/socktest"},
	"go.yaml.in/yaml":                            {"harness/strictyaml"},
	"github.com/Shopify/toxiproxy/v2/testhelper": nil,
}

// reservedFor returns who alone may import the package, by the longest entry for it.
func reservedFor(imported string) (allowed []string, found bool) {
	longest := ""
	for prefix, who := range reserved {
		if strings.HasPrefix(imported, prefix) && len(prefix) > len(longest) {
			longest, allowed, found = prefix, who, true
		}
	}
	return allowed, found
}

func matches(pattern, pkg string) bool {
	if folder, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(pkg+"/", folder)
	}
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// floorOf returns the row that names the package in full, else the one with a
// pattern for it, else -1.
func floorOf(pkg string) int {
	named := slices.IndexFunc(floors, func(f floor) bool { return slices.Contains(f.packages, pkg) })
	if named >= 0 {
		return named
	}
	return slices.IndexFunc(floors, func(f floor) bool { return matchesAny(f.packages, pkg) })
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

func checkImport(t *testing.T, file, pkg, imported string) {
	t.Helper()
	test := strings.HasSuffix(file, "_test.go")
	if allowed, found := reservedFor(imported); found && !matchesAny(allowed, pkg) && !test {
		t.Errorf("%s imports %s, which only %v may", file, imported, allowed)
	}
	inner, ours := strings.CutPrefix(imported, module)
	if !ours || inner == pkg || test || pkg == "harness" {
		return
	}
	from, to := floorOf(pkg), floorOf(inner)
	switch {
	case from < 0:
		t.Errorf("%s: package %s stands on no floor; draw it in doc.go and layers_test.go", file, pkg)
	case to < 0:
		t.Errorf("%s imports %s, which stands on no floor", file, inner)
	case to >= from:
		t.Errorf("%s (floor %s) imports %s (floor %s); imports point to a lower floor only", file, floors[from].name, inner, floors[to].name)
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

// A package of verbs exports Commands and nothing else, so that verbs share what
// is below them and no more.
func TestVerbsExportCommandsOnly(t *testing.T) {
	eachGoFile(t, func(name, pkg string) {
		if !matches("cmd/harness/internal/*cmd", pkg) || strings.HasSuffix(name, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		for _, d := range file.Decls {
			for _, exported := range exportedNames(d) {
				if exported != "Commands" {
					t.Errorf("%s exports %s; a package of verbs exports Commands only", name, exported)
				}
			}
		}
	})
}

// exportedNames returns what a declaration of a file's top level exports;
// methods do not count, as their types do.
func exportedNames(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.IsExported() {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}
