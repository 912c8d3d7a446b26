package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/outcome"
)

func TestJSONReadsBackAsTheSameDocument(t *testing.T) {
	want := aRun()
	var b bytes.Buffer
	if err := WriteJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "run.json", b.Bytes())
	var got outcome.Run
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestJSONKeepsBytesThatAreNotUTF8(t *testing.T) {
	d := outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{{Verdict: outcome.Fail, Message: "got é\xff\x00<", Stderr: "\xc3"}})
	var b bytes.Buffer
	if err := WriteJSON(&b, d); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"got é\\xff\u0000<"`, `"\\xc3"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got %s, want %s in it", b.String(), want)
		}
	}
	if d.Results[0].Stderr != "\xc3" {
		t.Error("the caller's document was changed")
	}
}

func TestJSONOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, outcome.Run{}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, `"results": []`) || !strings.HasSuffix(got, "}\n") {
		t.Errorf("got %s", got)
	}
}

// Results are written one by one; together they are what encoding/json would write.
func TestJSONIsWhatTheEncoderWouldWrite(t *testing.T) {
	for name, d := range map[string]outcome.Run{"a run": aRun(), "nothing": outcome.FoldResults(1, time.Time{}, 0, nil), "a text like the end": {Version: 1, Stopped: "\n  \"results\": []\n}", Results: []outcome.Result{{Target: "kv"}}}} {
		for indent, write := range map[string]func(io.Writer, outcome.Run) error{"  ": WriteJSON, "": writeCompactJSON} {
			var got, want bytes.Buffer
			if err := write(&got, d); err != nil {
				t.Fatal(err)
			}
			encoder := json.NewEncoder(&want)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", indent)
			if err := encoder.Encode(d); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("%s, indent %q (-want +got):\n%s", name, indent, diff)
			}
		}
	}
}
