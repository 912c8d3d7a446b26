package scenariofile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

func TestSweepPlaces(t *testing.T) {
	stream := scenario.Stream{Bytes: []byte("ab\ncde\nf\n"), MessageEnds: []int64{3, 7, 9}}
	for _, tt := range []struct {
		name  string
		sweep Sweep
		limit int
		want  []int64
	}{
		{"every", Sweep{Kind: "split", Every: true}, 96, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"thinned", Sweep{Kind: "split", Every: true}, 3, []int64{1, 4, 8}},
		{"messages of a split", Sweep{Kind: "split", Messages: true}, 96, []int64{3, 7}},
		{"messages of an end", Sweep{Kind: "fin", Messages: true}, 96, []int64{3, 7, 9}},
		{"offsets", Sweep{Kind: "fin", Offsets: []int64{5, 500}}, 1, []int64{5, 500}},
	} {
		if diff := cmp.Diff(tt.want, tt.sweep.at(stream, tt.limit)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
	if got := (&Sweep{Kind: "split", Every: true}).at(scenario.Stream{}, 96); len(got) > 0 {
		t.Errorf("places of an empty stream: %v", got)
	}
}

// What the steps say of the first connection is the stream that is swept over.
func TestStreamOfSteps(t *testing.T) {
	text := `scenario: a/b
steps:
  - one: {send: "ab\n", expect: "AB\n"}
  - two: {send: "other\n", expect: "OTHER\n"}
  - repeat: {times: 2, steps: [{one: {send: "c\n", expect: "C\n"}}]}
  - one: {send: "d\n", expect: {any: true}}
  - one: {send: "e\n", expect: "E\n", close: true}
  - one: {send: "again\n", expect: "AGAIN\n"}
`
	all, err := ParseFile("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	line := dialogue.Framing{Kind: dialogue.Line}
	up, down := all[0].stream(line, event.Upstream), all[0].stream(line, event.Downstream)
	if string(up.Bytes) != "ab\nc\nc\nd\ne\n" {
		t.Errorf("upstream: %q", up.Bytes)
	}
	if string(down.Bytes) != "AB\nC\nC\n" {
		t.Errorf("downstream, up to what is not known: %q", down.Bytes)
	}
	if diff := cmp.Diff([]int64{3, 5, 7, 9, 11}, up.MessageEnds); diff != "" {
		t.Errorf("message ends (-want +got)\n%s", diff)
	}
}
