package socktest_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the exported surface anew")

// What is exported is promised: a name, a signature or a field that changes or goes
// breaks the tests of others. TestSurface shows each change in the diff of a file;
// what is added there is promised from then on.
func TestSurface(t *testing.T) {
	for _, dir := range []string{".", "match"} {
		file := filepath.Join("testdata", "surface-"+map[string]string{".": "socktest", "match": "match"}[dir]+".txt")
		got := strings.Join(surface(t, dir), "\n") + "\n"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the exported surface of %s is not that of %s; if that is meant, run: go test ./harness/socktest -run TestSurface -update", dir, file)
		}
	}
}

// Each exported name is shown in an example, or in a test that reads as one.
func TestEveryNameIsShown(t *testing.T) {
	var shown []byte
	for _, pattern := range []string{"example_test.go", "example_process_test.go", "example_packet_test.go", "example_proxy_test.go", "suites_test.go", "match/suite_test.go"} {
		text, err := os.ReadFile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, text...)
	}
	for _, dir := range []string{".", "match"} {
		for _, line := range surface(t, dir) {
			name := exportedName(line)
			if gomegaCalls[name] {
				continue
			}
			if !regexp.MustCompile(`\b` + name + `\b`).Match(shown) {
				t.Errorf("%s (%s) is in no example", name, line)
			}
		}
	}
}

// gomegaCalls are what Gomega calls of a matcher, and the types that an example has no
// need to name.
var gomegaCalls = map[string]bool{"Match": true, "MatchMayChangeInTheFuture": true, "FailureMessage": true, "NegatedFailureMessage": true,
	"BytesMatcher": true, "EndMatcher": true}

// exportedName returns the last name that a line of the surface declares.
func exportedName(line string) string {
	return regexp.MustCompile(`^(?:func (?:\([^)]*\) )?|type |const |field \w+\.)(\w+)`).FindStringSubmatch(line)[1]
}

// surface lists what a package exports, a line for each.
func surface(t *testing.T, dir string) (lines []string) {
	t.Helper()
	set := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			lines = append(lines, declared(set, d)...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func declared(set *token.FileSet, declaration ast.Decl) (lines []string) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(strings.TrimPrefix(text(set, d.Recv.List[0].Type), "*"))) {
			d.Body, d.Doc = nil, nil
			lines = append(lines, text(set, d))
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			lines = append(lines, declaredSpec(set, spec)...)
		}
	}
	return lines
}

func declaredSpec(set *token.FileSet, spec ast.Spec) (lines []string) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() {
				lines = append(lines, "const "+name.Name)
			}
		}
	case *ast.TypeSpec:
		structure, isStruct := s.Type.(*ast.StructType)
		switch {
		case !s.Name.IsExported():
		case !isStruct:
			lines = append(lines, "type "+s.Name.Name+" "+text(set, s.Type))
		default:
			lines = append(lines, "type "+s.Name.Name+" struct")
			for _, field := range structure.Fields.List {
				for _, name := range field.Names {
					if name.IsExported() {
						lines = append(lines, fmt.Sprintf("field %s.%s %s", s.Name.Name, name.Name, text(set, field.Type)))
					}
				}
			}
		}
	}
	return lines
}

func text(set *token.FileSet, node any) string {
	var b bytes.Buffer
	_ = printer.Fprint(&b, set, node)
	return b.String()
}
