package peer

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestParseCommand(t *testing.T) {
	cases := map[string][]string{
		`python3 server.py {port}`: {"python3", "server.py", "{port}"},
		"  a\t b\n c  ":            {"a", "b", "c"},
		`a 'b c' "d e" f\ g`:       {"a", "b c", "d e", "f g"},
		`a '' ""`:                  {"a", "", ""},
		`a'b'"c"d`:                 {"abcd"},
		`a 'it'\''s'`:              {"a", "it's"},
		`a "\"\\\$\n"`:             {"a", `"\$\n`},
		`a '\'`:                    {"a", `\`},
		`a $HOME ~ *`:              {"a", "$HOME", "~", "*"},
		`a "|" \; '&'`:             {"a", "|", ";", "&"},
		"a \\\n b":                 {"a", "b"},
		"a \"b\\\nc\"":             {"a", "bc"},
		`sh -c 'exec "$0" | cat'`:  {"sh", "-c", `exec "$0" | cat`},
	}
	for line, want := range cases {
		if got, err := ParseCommand(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", line, got, err, want)
		}
	}
}

func TestParseCommandErrors(t *testing.T) {
	cases := map[string]string{
		"":          "the command is empty",
		"  ":        "the command is empty",
		"'' a":      "the command has an empty program name",
		"a 'b":      "command, column 3: the single quote is not closed",
		`a "b\"`:    "command, column 3: the double quote is not closed",
		`a \`:       "command, column 3: nothing follows the backslash",
		"a | b":     "command, column 3: '|' is shell syntax, and the command runs without a shell: quote it, or use sh -c '...'",
		"a && b":    "command, column 3: '&' is shell syntax, and the command runs without a shell: quote it, or use sh -c '...'",
		"a >b":      "command, column 3: '>' is shell syntax, and the command runs without a shell: quote it, or use sh -c '...'",
		"a \x00":    "command, column 3: a NUL byte is not allowed",
		"a '\x00'":  "command, column 3: a NUL byte is not allowed in quotes",
		"a \"\x00":  "command, column 3: a NUL byte is not allowed in quotes",
		"a \\\x00b": "command, column 3: a NUL byte is not allowed",
	}
	for line, want := range cases {
		if got, err := ParseCommand(line); err == nil || err.Error() != want {
			t.Errorf("%q: got %q, %v, want error %s", line, got, err, want)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, line := range []string{"a b", `a 'b c' "d\"e" f\ g`, `''`, `a \`, "a\\\n", "a|b", "\xff\xfe 'é'"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := ParseCommand(line)
		if err != nil {
			return
		}
		again, err := ParseCommand(FormatCommand(words))
		if err != nil || !slices.Equal(again, words) {
			t.Errorf("%q: words %q came back as %q, %v", line, words, again, err)
		}
	})
}

func TestFormatCommandIsWhatAShellReads(t *testing.T) {
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip("SKIPPED: no /bin/sh")
	}
	words := []string{"a b", "", "it's", `back\slash`, "$HOME", "`x`", "new\nline", "*", "~", "{port}", "#", "é\xff", "a=b", "!x"}
	out, err := exec.Command("/bin/sh", "-c", `printf '%s\0' `+FormatCommand(words)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, words) {
		t.Errorf("the shell read %q, want %q", got, words)
	}
}
