package scenariofile

import (
	"reflect"
	"testing"

	"github.com/sockharness/harness/harness/strictyaml"
)

// wholeSummary has a value in each field.
func wholeSummary(t testing.TB) Summary {
	t.Helper()
	s := Summary{ID: "topic/name", Title: "title", Why: "why", Ref: "RFC 9112", Level: "must", Role: "server", Targets: []string{"kv", "line*"},
		Alone: true, Carrier: "tcp", File: "f.yaml", Line: 300}
	for i, v := 0, reflect.ValueOf(s); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("field %s has no value: pack it, and give it one here", v.Type().Field(i).Name)
		}
	}
	return s
}

func TestUnpackAllReturnsWhatWasPacked(t *testing.T) {
	root, err := strictyaml.ParseText("f.yaml", []byte("scenario: topic/name\nsteps: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	whole := wholeSummary(t)
	sources := []Source{{File: "f.yaml", Text: []byte("text"), Tree: root.Pack()}, {File: "-"}}
	summaries := []Summary{whole, {ID: "a/b"}, whole}
	gotSources, gotSummaries, err := UnpackAll(PackAll(sources, summaries))
	if err != nil || !reflect.DeepEqual(gotSources, sources) || !reflect.DeepEqual(gotSummaries, summaries) {
		t.Errorf("got %+v, %+v, %v; want %+v, %+v", gotSources, gotSummaries, err, sources, summaries)
	}
	if a, b, err := UnpackAll(PackAll(nil, nil)); err != nil || len(a)+len(b) > 0 {
		t.Errorf("got %v, %v, %v of nothing", a, b, err)
	}
}

// Bytes that are not packed scenarios are told so.
func FuzzUnpackAll(f *testing.F) {
	packed := PackAll([]Source{{File: "f.yaml", Text: []byte("text")}}, []Summary{wholeSummary(f)})
	for size := range packed {
		if _, _, err := UnpackAll(packed[:size]); err == nil {
			f.Errorf("%d of %d bytes are taken for all", size, len(packed))
		}
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		if sources, summaries, err := UnpackAll(b); err != nil && len(sources)+len(summaries) > 0 {
			t.Errorf("got %v, %v, %v", sources, summaries, err)
		}
	})
}
