package authorcmd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/peer"
)

// An answer is what is known of the project for which files are written.
type answer struct {
	Server, Client string
	Send, Expect   string
	CI             string
}

func newInit() *cobra.Command {
	a := &answer{}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first harness.yaml, a dialogue, a scenario and CI files",
		Long: `Write harness.yaml, a dialogue, a first scenario and a CI file into the working
directory. Existing files are not changed. Without --server and --client the
command asks for them on standard input.`,
		Example: `  harness init --server 'python3 server.py {port}' --send 'hello\n' --expect 'HELLO\n'
  harness init --client 'node fetch.mjs {host} {port}' --ci gitlab`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.Server == "" && a.Client == "" {
				if err := a.ask(cmd.InOrStdin(), cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return a.writeFiles(cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&a.Server, "server", "", "`COMMAND` that starts the server under test; {port} is replaced")
	flags.StringVar(&a.Client, "client", "", "`COMMAND` that starts the client under test; {host} and {port} are replaced")
	flags.StringVar(&a.Send, "send", `hello\n`, "`BYTES` that a client sends first")
	flags.StringVar(&a.Expect, "expect", "", "`BYTES` that the server answers (default: any line; for a client under test HELLO)")
	flags.StringVar(&a.CI, "ci", "github", "`SYSTEM` to write a CI file for: github, gitlab or none")
	return cmd
}

// ask reads the answers from a terminal or a pipe, one line each.
func (a *answer) ask(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for _, q := range []struct {
		text string
		into *string
	}{
		{"Command that starts your server, with {port} (empty: you test a client): ", &a.Server},
		{"Command that starts your client, with {host} and {port} (empty: none): ", &a.Client},
	} {
		if _, err := fmt.Fprint(out, q.text); err != nil {
			return cli.HarnessErrorf("%w", err)
		}
		if lines.Scan() {
			*q.into = strings.TrimSpace(lines.Text())
		}
	}
	if a.Server == "" && a.Client == "" {
		return cli.UsageErrorf("nothing to test: give --server COMMAND or --client COMMAND")
	}
	return nil
}

// A page is a file that init writes.
type page struct{ path, text string }

func (a *answer) pages() []page {
	pages := []page{{"harness.yaml", configPage}}
	if a.Server == "" || a.Client == "" {
		pages = append(pages, page{filepath.Join("dialogues", "first.yaml"), dialoguePage})
	}
	if a.Client == "" {
		pages = append(pages, page{filepath.Join("scenarios", "first.yaml"), scenarioPage})
	} else if a.Server == "" {
		pages = append(pages, page{filepath.Join("scenarios", "first.yaml"), clientPage})
	} else {
		pages = append(pages, page{filepath.Join("scenarios", "first.yaml"), bothPage})
	}
	switch a.CI {
	case "github":
		pages = append(pages, page{filepath.Join(".github", "workflows", "harness.yml"), githubPage})
	case "gitlab":
		pages = append(pages, page{".gitlab-ci.yml", gitlabPage})
	}
	return pages
}

// writeFiles writes each page that does not exist, and says what to type next.
func (a *answer) writeFiles(out io.Writer) error {
	if a.CI != "github" && a.CI != "gitlab" && a.CI != "none" {
		return cli.UsageErrorf("--ci %q: want github, gitlab or none", a.CI)
	}
	for _, line := range []string{a.Server, a.Client} {
		if _, err := peer.ParseCommand(line); line != "" && err != nil {
			return cli.UsageErrorf("%v", err)
		}
	}
	var told strings.Builder
	for _, p := range a.pages() {
		done, err := a.writePage(p)
		if err != nil {
			return cli.HarnessErrorf("%w", err)
		}
		fmt.Fprintf(&told, "%s %s\n", done, p.path)
	}
	told.WriteString("\nNext:\n  harness run                # the built-in scenarios\n  harness run scenarios/     # your own\n  harness help scenario-files\n")
	if _, err := io.WriteString(out, told.String()); err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	return nil
}

// writePage returns what became of the file: "wrote" or "kept".
func (a *answer) writePage(p page) (string, error) {
	t, err := template.New(p.path).Funcs(template.FuncMap{"words": commandWords, "bytes": quotedBytes, "head": firstHalf, "tail": secondHalf}).Parse(p.text)
	if err != nil {
		return "", fmt.Errorf("template of %s: %w", p.path, err)
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o755); err != nil {
		return "", fmt.Errorf("folder: %w", err)
	}
	file, err := os.OpenFile(p.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return "kept ", nil
	}
	if err != nil {
		return "", fmt.Errorf("file: %w", err)
	}
	defer file.Close()
	if err := t.Execute(file, a); err != nil {
		return "", fmt.Errorf("%s write: %w", p.path, err)
	}
	return "wrote", file.Close()
}

// commandWords writes a command as a YAML list.
func commandWords(line string) (string, error) {
	words, err := peer.ParseCommand(line)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(words)
	return string(text), err
}

// firstHalf and secondHalf are the two pieces of a message, of which no escape is cut. One that
// begins with an escape has one piece.
func firstHalf(text string) string { return text[:cutPlace(text)] }

func secondHalf(text string) string { return text[cutPlace(text):] }

func cutPlace(text string) int {
	at := len(text) / 2
	if escape := strings.IndexByte(text, '\\'); escape >= 0 {
		at = min(at, escape)
	}
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	if at == 0 {
		return len(text)
	}
	return at
}

// quotedBytes writes bytes with escapes as a YAML string.
func quotedBytes(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }
