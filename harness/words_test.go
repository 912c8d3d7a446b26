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
	"unicode"
)

// An unclear is a group of words that readers stumble over, and what to write instead.
type unclear struct {
	phrases []string // of one or two words
	instead string
}

// phrases splits the alternatives.
func phrases(alternatives string) []string { return strings.Split(alternatives, "|") }

// unclearTexts are words that no text for users may have: messages, help, pages.
var unclearTexts = []unclear{
	{phrases("for ever"), "without end, or never"},
	{phrases("whoever|whomever|nobody|somebody|anybody|everybody"), "who it is: the client, the server, another process"},
	{phrases("so many|so much|so long"), "the number or time, with its noun"},
	{phrases("neither|nor"), "two short sentences, or what is wanted"},
	{phrases("none is|none are|none was|none were|none has|none have"), "no, with its noun"},
	{phrases("play|plays|played|playing|theatre"), "run; for a dialogue: the harness is the client or the server"},
	{phrases("blame|blames|blamed|glued|give back|gives back|goodbye|owe|owes|owed|burn|burns|burning|burned|aloud"), "merged, closes, leaks, uses CPU: the term of the field"},
}

// metaphors are words that no name and no comment may have: death and family, household,
// body and mood. They say nothing to a reader who does not know the story.
var metaphors = []unclear{
	{phrases("staff|bereave|bereaved|obituary|obituaries|kin|bury|buries|buried|heritage|twin|twins"), "workers, died, reason, tree, stop, options, clone"},
	{phrases("guest|guests|dismiss|dismisses|dismissed|house|houses|household|door|doors|adopt|adopts|adopted"), "adapter, stop, turnstile, register"},
	{phrases("deaf|hungry|hunger|hopeless|impatient|hearsay|rumor|rumors|rumour|rumours|accuse|accuses|accused|guilty|suffer|suffers|suffered"),
		"what happened, in the words of the field"},
}

// insteadOf maps each phrase to what to write instead.
func insteadOf(lists ...[]unclear) map[string]string {
	all := map[string]string{}
	for _, list := range lists {
		for _, u := range list {
			for _, phrase := range u.phrases {
				all[phrase] = u.instead
			}
		}
	}
	return all
}

// findUnclear returns the phrases of a line. A word joined by a dash or a slash is part of
// a name, such as timeout/nobody-reads.
func findUnclear(instead map[string]string, line string) (found []string) {
	words := strings.FieldsFunc(strings.ToLower(line), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '/' && r != '-'
	})
	for i, word := range words {
		if _, listed := instead[word]; listed {
			found = append(found, word)
		}
		if i > 0 {
			if _, listed := instead[words[i-1]+" "+word]; listed {
				found = append(found, words[i-1]+" "+word)
			}
		}
	}
	return found
}

// Texts for users are in plain words.
func TestTextsAreInPlainWords(t *testing.T) {
	list := insteadOf(unclearTexts, metaphors)
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
	list := insteadOf(metaphors)
	clear := map[string]bool{} // names that have none: the same few stand everywhere
	eachSource(t, func(name string, file *ast.File, at func(token.Pos) int) {
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && !clear[id.Name] {
				words := camel.ReplaceAllString(id.Name, "$1 $2")
				reportUnclear(t, list, name, at(id.Pos()), words)
				clear[id.Name] = len(findUnclear(list, words)) == 0
			}
			return true
		})
		for _, group := range file.Comments {
			for _, c := range group.List {
				reportUnclear(t, list, name, at(c.Pos()), c.Text)
			}
		}
	})
}

func reportUnclear(t *testing.T, instead map[string]string, name string, line int, text string) {
	t.Helper()
	for i, row := range strings.Split(text, "\n") {
		for _, found := range findUnclear(instead, row) {
			t.Errorf("%s:%d: %q: write instead %s, in\n\t%s", name, line+i, found, instead[found], strings.TrimSpace(row))
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
		"Whoever connects is served":         "whoever",
		"neither is right":                   "neither",
		"see timeout/nobody-reads":           "",
		"it runs without end":                "",
		"the variant was played three times": "played",
	} {
		got := strings.Join(findUnclear(insteadOf(unclearTexts), text), ", ")
		if got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}
