package report

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/outcome"
)

func TestWrittenResultReadsBack(t *testing.T) {
	want := aRun()
	want.ID, want.Shard = "r1", &outcome.Shard{Index: 2, Total: 3, Plan: "p"}
	want.Environment = &outcome.Environment{OS: "linux/amd64", Command: []string{"harness", "run"}}
	want = want.CompareWith("old.json", outcome.Run{}, false)
	var b bytes.Buffer
	if err := WriteJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRun(&b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("what was read differs from what was written (-want +got):\n%s", d)
	}
}

func TestResultInsideHTMLReadsBack(t *testing.T) {
	want := aRun()
	text, err := embedJSON(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadRun(strings.NewReader("\n<!DOCTYPE html>" + embedStart + text + embedEnd + "</html>"))
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("got %v, and (-want +got):\n%s", err, d)
	}
}

const head = `{"version": 1, "seed": 7, "started": "2026-03-01T12:00:00Z", `

func TestReadRefusesWhatIsNoResult(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":             {"", "is empty"},
		"white space":       {" \n", "is empty"},
		"text":              {"hello", "want JSON or HTML"},
		"a list":            {"[]", "want JSON or HTML"},
		"another tool's":    {`{"reportFormat": "CTRF", "results": {"tool": {}}}`, `"results" is not a list`},
		"nothing in it":     {`{}`, "no version, seed and results"},
		"no results":        {head + `"summary": {}}`, "no version, seed and results"},
		"newer":             {`{"version": 2, "results": 5}`, "newer harness: its version is 2"},
		"version 0":         {`{"version": 0, "seed": 1, "results": []}`, "no version, seed and results"},
		"cut off":           {head + `"results": [{"target": "kv", "verdict": "pa`, "is cut off after"},
		"cut between":       {head + `"results": [{"target": "kv", "verdict": "pass"}`, "is cut off after"},
		"broken":            {head + `"results": [}`, "is broken near byte"},
		"two in one file":   {head + `"results": []} {}`, "more follows the document"},
		"unknown verdict":   {head + `"results": [{"verdict": "maybe"}]}`, `results[0]: the verdict "maybe" is not known`},
		"wrong type":        {head + `"results": [{"verdict": 5}]}`, "results[0]: json: cannot unmarshal"},
		"wrong field":       {head + `"problems": "none", "results": []}`, "problems: json: cannot unmarshal"},
		"a shard of none":   {head + `"shard": {"index": 9, "total": 8}, "results": []}`, "no shard 9 of 8"},
		"shards of none":    {head + `"shards": {"total": 2, "held": [5]}, "results": []}`, "are not of 2"},
		"another page":      {"<!DOCTYPE html><title>x</title>", "the HTML has no result inside"},
		"a page cut off":    {"<html>" + embedStart + "H4sI", "is cut off"},
		"a page broken":     {"<html>" + embedStart + "!!!!" + embedEnd, "inside the HTML is broken"},
		"event of no sense": {head + `"results": [{"verdict": "fail", "events": [{"direction": "sideways"}]}]}`, "want upstream or downstream"},
	} {
		if _, err := ReadRun(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tt.want)
		}
	}
}

// A key of a later harness with the same version is no obstacle.
func TestReadSkipsUnknownKeys(t *testing.T) {
	d, err := ReadRun(strings.NewReader(head + `"later": {"x": [1, {}]}, "results": [], "summary": {"pass": 99}}`))
	if err != nil || d.Summary[outcome.Pass] != 0 || d.Seed != 7 {
		t.Errorf("got %+v, %v; want the document, counted anew", d, err)
	}
}

// endless is a result that never ends.
type endless struct{ started bool }

func (e *endless) Read(p []byte) (int, error) {
	if !e.started {
		e.started = true
		return copy(p, head+`"later": "`), nil
	}
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestReadIsBounded(t *testing.T) {
	r := &limitedReader{r: &endless{}, left: 1 << 20}
	if _, err := decodeRun(r); err == nil || !strings.Contains(err.Error(), "is longer than 512 MiB") {
		t.Errorf("got %v, want an error about the length", err)
	}
	dir := t.TempDir()
	big := filepath.Join(dir, "big.json")
	file, err := os.Create(big)
	if err := errors.Join(err, file.Truncate(1<<30), file.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(big); err == nil || !strings.Contains(err.Error(), "is 1024 MiB long") {
		t.Errorf("1 GiB: got %v, want an error about the length", err)
	}
	if _, err := ReadFile(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: got %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "nope")); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Errorf("no file: got %v, want fs.ErrNotExist without the path", err)
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := WriteJSON(&b, aRun()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(head + `"results": []}`))
	f.Add([]byte(`<p>` + embedStart + embedEnd))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ReadRun(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, format := range Formats() {
			if err := format.Write(io.Discard, d, true); err != nil {
				t.Errorf("%s of %q: %v", format.Name, data, err)
			}
		}
	})
}
