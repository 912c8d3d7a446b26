package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/outcome"
)

func TestJSONReadsBackAsTheSameDocument(t *testing.T) {
	want := aRun()
	var b bytes.Buffer
	if err := JSON(&b, want); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "run.json", b.Bytes())
	var got outcome.Document
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestJSONKeepsBytesThatAreNotUTF8(t *testing.T) {
	d := outcome.Fold(1, time.Time{}, 0, []outcome.Result{{Verdict: outcome.Fail, Message: "got é\xff\x00<", Stderr: "\xc3"}})
	var b bytes.Buffer
	if err := JSON(&b, d); err != nil {
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
	if err := JSON(&b, outcome.Document{}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, `"results": []`) || !strings.HasSuffix(got, "}\n") {
		t.Errorf("got %s", got)
	}
}
