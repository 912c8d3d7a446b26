package harness

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// A usage is the code in a package's comment, and what the package exports.
type usage struct {
	code     []string
	exported map[string]bool
}

// Whoever opens a package sees first how it is used, by names that exist.
func TestEveryPackageCommentShowsUsage(t *testing.T) {
	for pkg, u := range packageUsages(t) {
		if len(u.code) == 0 {
			t.Errorf("package %s: its comment shows no usage; add two to eight indented lines of code", pkg)
		}
		qualified := regexp.MustCompile(`\b` + path.Base(pkg) + `\.([A-Z]\w*)`)
		for _, found := range qualified.FindAllStringSubmatch(strings.Join(u.code, "\n"), -1) {
			if !u.exported[found[1]] {
				t.Errorf("package %s: its comment uses %s, which the package does not export", pkg, found[0])
			}
		}
	}
}

// packageUsages reads the packages that others import: those of harness, and toxics.
func packageUsages(t *testing.T) map[string]*usage {
	t.Helper()
	usages := map[string]*usage{}
	eachGoFile(t, func(name, pkg string) {
		if strings.HasSuffix(name, "_test.go") || !matches("harness/*", pkg) && !matches("toxics...", pkg) {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		if usages[pkg] == nil {
			usages[pkg] = &usage{exported: map[string]bool{}}
		}
		usages[pkg].addFile(file)
	})
	return usages
}

func (u *usage) addFile(file *ast.File) {
	for line := range strings.Lines(file.Doc.Text()) {
		if strings.HasPrefix(line, "\t") {
			u.code = append(u.code, line)
		}
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				u.addName(d.Name)
			}
		case *ast.GenDecl:
			u.addSpecs(d.Specs)
		}
	}
}

func (u *usage) addSpecs(specs []ast.Spec) {
	for _, spec := range specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			u.addName(s.Name)
		case *ast.ValueSpec:
			for _, name := range s.Names {
				u.addName(name)
			}
		}
	}
}

func (u *usage) addName(name *ast.Ident) {
	if name.IsExported() {
		u.exported[name.Name] = true
	}
}
