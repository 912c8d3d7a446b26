package harness

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// A glossary is what GLOSSARY.md says: terms, names in the code, and words without a row.
type glossary struct {
	terms map[string]bool // in lower case
	names []string        // package.Name
}

// Each name in GLOSSARY.md exists, and each exported type is called by a word in it.
func TestGlossaryFitsTheCode(t *testing.T) {
	g := readGlossary(t)
	exported := qualifiedNames(t)
	for _, name := range g.names {
		if !exported[name] {
			t.Errorf("GLOSSARY.md: %s does not exist; correct the row", name)
		}
	}
	eachExportedType(t, func(place, name string) {
		if word := lastWord(name); !g.terms[word] && !g.terms[strings.TrimSuffix(word, "s")] {
			t.Errorf("%s: type %s: GLOSSARY.md has no %q; use one of its terms, or add a row", place, name, word)
		}
	})
}

var (
	glossaryRow  = regexp.MustCompile(`(?m)^\| ([a-z][^|]*) \| ([^|]+) \| ([^|]+) \|$`)
	glossaryName = regexp.MustCompile("`([a-z]+\\.[A-Z]\\w*)`")
	capital      = regexp.MustCompile(`[A-Z][a-z0-9]+|[A-Z]`)
)

func readGlossary(t *testing.T) glossary {
	t.Helper()
	data, err := os.ReadFile("GLOSSARY.md")
	if err != nil {
		t.Fatal(err)
	}
	tables, rest, _ := strings.Cut(string(data), "\n## Words without a row\n")
	g := glossary{terms: map[string]bool{}}
	for _, row := range glossaryRow.FindAllStringSubmatch(tables, -1) {
		if row[1] == "term" {
			continue
		}
		for term := range strings.SplitSeq(row[1], ",") {
			term = strings.TrimSpace(term)
			if g.terms[term] {
				t.Errorf("GLOSSARY.md: %s has two rows", term)
			}
			g.terms[term] = true
			g.terms[term[strings.LastIndex(term, "-")+1:]] = true
		}
		names := glossaryName.FindAllStringSubmatch(row[3], -1)
		if len(names) == 0 {
			t.Errorf("GLOSSARY.md: %s names nothing in the code", row[1])
		}
		for _, n := range names {
			g.names = append(g.names, n[1])
		}
	}
	if len(g.names) == 0 {
		t.Fatal("GLOSSARY.md: no rows were read")
	}
	_, list, _ := strings.Cut(rest, ":\n")
	for _, word := range capital.FindAllString(list, -1) {
		g.terms[strings.ToLower(word)] = true
	}
	return g
}

// lastWord returns the noun of a type's name in lower case: FirstEnd is an end.
func lastWord(name string) string {
	words := capital.FindAllString(name, -1)
	return strings.ToLower(words[len(words)-1])
}

// qualifiedNames has package.Name for each exported name of the packages that others import.
func qualifiedNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for pkg, u := range packageUsages(t) {
		for name := range u.exported {
			names[path.Base(pkg)+"."+name] = true
		}
	}
	return names
}

func eachExportedType(t *testing.T, visit func(place, name string)) {
	t.Helper()
	eachGoFile(t, func(name, pkg string) {
		if strings.HasSuffix(name, "_test.go") || !matches("harness/...", pkg) && !matches("toxics...", pkg) {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Error(err)
			return
		}
		for _, declaration := range file.Decls {
			d, ok := declaration.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE || file.Name.Name == "main" {
				continue
			}
			for _, spec := range d.Specs {
				if s := spec.(*ast.TypeSpec); s.Name.IsExported() {
					visit(set.Position(s.Pos()).String(), s.Name.Name)
				}
			}
		}
	})
}
