package harness

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageHasAComment(t *testing.T) {
	documented := map[string]bool{}
	eachGoFile(t, func(path, pkg string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		documented[pkg] = documented[pkg] || file.Doc != nil
	})
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// Each exported field of an exported struct has a sentence: a comment, or the description
// that the JSON Schema shows.
func TestEveryFieldHasASentence(t *testing.T) {
	fields := 0
	eachGoFile(t, func(name, pkg string) {
		if strings.HasSuffix(name, "_test.go") || !matches("harness/...", pkg) && !matches("toxics...", pkg) {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		for _, s := range exportedStructs(file) {
			for _, field := range s.Fields.List {
				if !slices.ContainsFunc(field.Names, (*ast.Ident).IsExported) {
					continue
				}
				fields++
				if !isDescribed(field) {
					t.Errorf("%s: field %s has no sentence on what it holds; add a comment", set.Position(field.Pos()), field.Names[0].Name)
				}
			}
		}
	})
	if fields < 1000 {
		t.Errorf("got %d fields, want those of the whole tree", fields)
	}
}

// isDescribed reports whether a sentence says what the field holds.
func isDescribed(field *ast.Field) bool {
	return field.Doc != nil || field.Comment != nil || field.Tag != nil && strings.Contains(field.Tag.Value, "description=")
}

// exportedStructs returns the exported structs that a file declares.
func exportedStructs(file *ast.File) (list []*ast.StructType) {
	for _, declaration := range file.Decls {
		d, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			if t, ok := spec.(*ast.TypeSpec); ok && t.Name.IsExported() {
				if s, ok := t.Type.(*ast.StructType); ok {
					list = append(list, s)
				}
			}
		}
	}
	return list
}
