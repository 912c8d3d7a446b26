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

// Package documentation first shows how a package is used, by names that exist.
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
		for _, name := range exportedNames(declaration) {
			u.exported[name] = true
		}
	}
}
