package ui_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A browser is a Chromium that a test drives.
type browser struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

// A command is what it is asked to do, see testdata/drive.mjs.
type command struct {
	Do      string         `json:"do"`
	Page    string         `json:"page,omitempty"`
	At      string         `json:"at,omitempty"` // a selector
	Value   string         `json:"value,omitempty"`
	URL     string         `json:"url,omitempty"`
	Options map[string]any `json:"options,omitempty"`
}

// startBrowser starts Debian's Chromium, or skips and says what is missing.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("NOT PROVEN in a browser: chromium is not installed; fixtures/tools.sh installs it")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("NOT PROVEN in a browser: npm is not installed; fixtures/tools.sh installs it")
	}
	install := exec.Command("sh", "../../fixtures/npm/install.sh")
	install.Stderr = os.Stderr
	modules, err := install.Output()
	if err != nil {
		t.Fatalf("npm packages: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/drive.mjs", strings.TrimSpace(string(modules)), chromium)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return &browser{t: t, in: in, out: bufio.NewReader(out)}
}

// do has the browser do something, and returns what comes of it.
func (b *browser) do(c command) any {
	b.t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, '\n')); err != nil {
		b.t.Fatal(err)
	}
	line, err := b.out.ReadBytes('\n')
	if err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	var answer struct {
		Value any
		Error string
	}
	if err := json.Unmarshal(line, &answer); err != nil || answer.Error != "" {
		b.t.Fatalf("%s: %s %v", text, answer.Error, err)
	}
	return answer.Value
}

// forTest returns the browser for a part of a test, which closes its pages.
func (b *browser) forTest(t *testing.T) *browser {
	t.Cleanup(func() { b.do(command{Do: "closeAll"}) })
	return &browser{t: t, in: b.in, out: b.out}
}

func (b *browser) open(page, url string) {
	b.t.Helper()
	b.do(command{Do: "open", Page: page, URL: url})
}
func (b *browser) click(page, at string) {
	b.t.Helper()
	b.do(command{Do: "click", Page: page, At: at})
}
func (b *browser) fill(page, at, value string) {
	b.t.Helper()
	b.do(command{Do: "fill", Page: page, At: at, Value: value})
}
func (b *browser) pick(page, at, value string) {
	b.t.Helper()
	b.do(command{Do: "pick", Page: page, At: at, Value: value})
}

// wait waits until an element has the text.
func (b *browser) wait(page, at, text string) {
	b.t.Helper()
	b.do(command{Do: "wait", Page: page, At: at, Value: text})
}

// wantNoErrors fails the test if a script failed, the policy of the page stopped one,
// or a page asked for something that is not the daemon's.
func (b *browser) wantNoErrors() {
	b.t.Helper()
	if found := b.do(command{Do: "errors"}).([]any); len(found) > 0 {
		b.t.Errorf("in the browser: %v", found)
	}
}
