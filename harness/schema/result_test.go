package schema

import (
	"bytes"
	"os"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// The documents that the reports are tested with are what the schema says, and what it does not
// know is none.
func TestResultsAreValid(t *testing.T) {
	text, err := os.ReadFile(root + "/harness/report/testdata/run.json")
	if err != nil {
		t.Fatal(err)
	}
	s := compile(t, Result)
	validate := func(text []byte) error {
		document, err := validator.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(document)
	}
	if err := validate(text); err != nil {
		t.Error(err)
	}
	for before, after := range map[string]string{
		`"verdict": "fail"`:  `"verdict": "failed"`,
		`"target": "kv"`:     `"goal": "kv"`,
		`"version": 1`:       `"version": 2`,
		`"kind": "accept"`:   `"sort": "accept"`,
		`"elapsed_ms": 4210`: `"elapsed_ms": "4.2 s"`,
	} {
		changed := strings.Replace(string(text), before, after, 1)
		if changed == string(text) {
			t.Fatalf("the document has no %s", before)
		}
		if err := validate([]byte(changed)); err == nil {
			t.Errorf("%s is valid", after)
		}
	}
}
