package stacktrace

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func readTrace(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What real programs wrote when they failed.
func TestCauseOfRealTraces(t *testing.T) {
	for name, want := range map[string]string{
		"node":   "Error: read ECONNRESET",
		"java":   `Exception in thread "main" java.lang.IllegalStateException: cannot serve a client`,
		"python": "BadFrame: 3 bytes of 4",
		"go":     "panic: runtime error: index out of range [4] with length 3",
		"rust":   `panicked at p.rs:1:128: called ` + "`Result::unwrap()` on an `Err` value: Os { code: 104, kind: ConnectionReset",
		"c":      "c: c.c:3: main: Assertion `length >= 0' failed.",
	} {
		if got := Cause(readTrace(t, name)); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestCause(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"\n \n":                    "",
		"Node.js v20.1\n":          "",
		"starting\nno route\n\n":   "no route",
		"an error\nretry\nover\n":  "over", // no trace: the last line
		"ssl.SSLError: x\nover\n":  "ssl.SSLError: x",
		"struct.error: x\n":        "struct.error: x",
		"Error [ERR_X]: y\n    at": "Error [ERR_X]: y",
		"a.rb:1:in `f': undefined method `x' (NoMethodError)":                        "a.rb:1:in `f': undefined method `x' (NoMethodError)",
		"==7==ERROR: AddressSanitizer: heap-buffer-overflow\n    #0 0x1 in f\nABORT": "==7==ERROR: AddressSanitizer: heap-buffer-overflow",
		"Traceback (most recent call last):\n  File \"a\", line 1\nOdd: z\nbye":      "Odd: z",
	} {
		if got := Cause(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := Cause(strings.Repeat("x", 1000)); len(got) > maxCause+len("…") {
		t.Errorf("got %d bytes", len(got))
	}
}

// The lines that are selected of each trace, golden; -update rewrites them.
func TestSelectOfRealTraces(t *testing.T) {
	for _, name := range []string{"node", "java", "python", "go", "rust", "c"} {
		lines := strings.Split(strings.TrimRight(readTrace(t, name), "\n"), "\n")
		var b strings.Builder
		last := -1
		for _, i := range Select(lines, 10) {
			if i != last+1 {
				fmt.Fprintf(&b, "… (%d lines)\n", i-last-1)
			}
			fmt.Fprintln(&b, lines[i])
			last = i
		}
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s: got:\n%s\nwant:\n%s", name, b.String(), want)
		}
	}
}

func TestSelectTakesAllOfFewLines(t *testing.T) {
	for n := range 12 {
		lines := make([]string, n)
		if got := len(Select(lines, 10)); got != min(n, 10) {
			t.Errorf("%d lines: got %d", n, got)
		}
	}
}

func FuzzSelect(f *testing.F) {
	f.Add("a\nb", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		lines := strings.Split(text, "\n")
		got := Select(lines, limit)
		if len(got) > max(limit, 8) {
			t.Errorf("got %d of at most %d", len(got), limit)
		}
		Cause(text)
	})
}
