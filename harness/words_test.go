package harness

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// An unclear is a group of words that readers stumble over, and what to write instead.
type unclear struct {
	words   *regexp.Regexp
	instead string
}

// wholeWords matches the alternatives as whole words. A word joined by a dash or a slash
// is part of a name, such as timeout/nobody-reads.
func wholeWords(alternatives string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^\w/-])(` + alternatives + `)(?:$|[^\w/-])`)
}

// unclearTexts are words that no text for users may have: messages, help, pages.
var unclearTexts = []unclear{
	{wholeWords(`for ever`), "without end, or never"},
	{wholeWords(`whoever|whomever|nobody|somebody|anybody|everybody`), "who it is: the client, the server, another process"},
	{wholeWords(`so many|so much|so long`), "the number or time, with its noun"},
	{wholeWords(`neither|nor`), "two short sentences, or what is wanted"},
	{wholeWords(`none (?:is|are|was|were|has|have)`), "no, with its noun"},
	{wholeWords(`play|plays|played|playing|theatre`), "run; for a dialogue: the harness is the client or the server"},
	{wholeWords(`blames?|blamed|glued|gives? back|goodbye|owes?|owed|burns?|burning|burned|aloud`), "merged, closes, leaks, uses CPU: the term of the field"},
}

// metaphors are words that no name and no comment may have: death and family, household,
// body and mood. They say nothing to a reader who does not know the story.
var metaphors = []unclear{
	{wholeWords(`staff|bereaved?|obituar(?:y|ies)|kin|bur(?:y|ies|ied)|heritage|twins?`), "workers, died, reason, tree, stop, options, clone"},
	{wholeWords(`guests?|dismiss(?:es|ed)?|houses?|household|doors?|adopts?|adopted`), "adapter, stop, turnstile, register"},
	{wholeWords(`deaf|hungry|hunger|hopeless|impatient|hearsay|rumou?rs?|accus(?:es?|ed)|guilty|suffer(?:s|ed)?`), "what happened, in the words of the field"},
}

// Texts for users are in plain words.
func TestTextsAreInPlainWords(t *testing.T) {
	list := append(append([]unclear(nil), unclearTexts...), metaphors...)
	eachSource(t, func(name string, file *ast.File, at func(token.Pos) int) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch l := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.BasicLit:
				if l.Kind == token.STRING && strings.Contains(l.Value, " ") {
					reportUnclear(t, list, name, at(l.Pos()), l.Value)
				}
			}
			return true
		})
	})
	eachPage(t, func(name, text string) {
		reportUnclear(t, list, name, 1, withoutCode(text))
	})
}

// Names and comments have no metaphors.
func TestNamesAndCommentsHaveNoMetaphors(t *testing.T) {
	camel := regexp.MustCompile(`([a-z0-9])([A-Z])`)
	eachSource(t, func(name string, file *ast.File, at func(token.Pos) int) {
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				reportUnclear(t, metaphors, name, at(id.Pos()), camel.ReplaceAllString(id.Name, "$1 $2"))
			}
			return true
		})
		for _, group := range file.Comments {
			for _, c := range group.List {
				reportUnclear(t, metaphors, name, at(c.Pos()), c.Text)
			}
		}
	})
}

func reportUnclear(t *testing.T, list []unclear, name string, line int, text string) {
	t.Helper()
	for i, row := range strings.Split(text, "\n") {
		for _, u := range list {
			if found := u.words.FindStringSubmatch(row); found != nil {
				t.Errorf("%s:%d: %q: write instead %s, in\n\t%s", name, line+i, found[1], u.instead, strings.TrimSpace(row))
			}
		}
	}
}

// eachSource parses the files whose texts users read: those of the command and of its
// libraries, without tests and fixtures.
func eachSource(t *testing.T, visit func(name string, file *ast.File, at func(token.Pos) int)) {
	t.Helper()
	eachGoFile(t, func(name, pkg string) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(pkg, "fixtures") {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		visit(name, file, func(p token.Pos) int { return set.Position(p).Line })
	})
}

// eachPage reads the Markdown pages.
func eachPage(t *testing.T, visit func(name, text string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "bin" || entry.Name() == "testdata" || entry.Name() == "node_modules" || len(entry.Name()) > 2 && entry.Name()[0] == '.'):
			return filepath.SkipDir
		case filepath.Ext(name) != ".md", entry.Name() == "GLOSSARY.md": // which names words
			return nil
		}
		text, err := os.ReadFile(name)
		if err == nil {
			visit(name, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	codeBlock = regexp.MustCompile("(?s)```.*?```")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	notBreak  = regexp.MustCompile(`[^\n]`)
)

// withoutCode blanks code, whose words are names; lines keep their numbers.
func withoutCode(text string) string {
	text = codeBlock.ReplaceAllStringFunc(text, func(s string) string { return notBreak.ReplaceAllString(s, "") })
	return codeSpan.ReplaceAllString(text, "")
}

func TestUnclearWordsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"it waits for ever":                  "for ever",
		"Whoever connects is served":         "Whoever",
		"neither is right":                   "neither",
		"see timeout/nobody-reads":           "",
		"it runs without end":                "",
		"the variant was played three times": "played",
	} {
		got := ""
		for _, u := range unclearTexts {
			if found := u.words.FindStringSubmatch(text); found != nil {
				got = found[1]
			}
		}
		if got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}
