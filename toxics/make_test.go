package toxics

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/spec"
)

func TestMakeRefuses(t *testing.T) {
	registerStrangers()
	number := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		spec spec.Spec
		want []string
	}{
		{spec.Spec{Type: "slicr"}, []string{`toxic type "slicr" is unknown, did you mean "slicer"?`}},
		{spec.Spec{Type: ""}, []string{`toxic type "" is unknown`}},
		{spec.Spec{Type: "by_value"}, []string{`toxic type "by_value" is unknown`}},
		{spec.Spec{Type: "slicer"}, []string{"toxic slicer: average_size must be at least 1, got 0"}},
		{spec.Spec{Type: "slicer", Attributes: map[string]any{"average_size": 10, "size_variation": 100.0}},
			[]string{"toxic slicer: size_variation must be at most average_size, 10, got 100"}},
		{spec.Spec{Type: "slicer", Attributes: map[string]any{"average_size": -1, "size_variation": -1, "dealy": 3}}, []string{
			"toxic slicer: average_size must be at least 1, got -1",
			"toxic slicer: size_variation must be at least 0, got -1",
			`toxic slicer: attribute "dealy" is unknown, did you mean "delay"?`}},
		{spec.Spec{Type: "bandwidth", Attributes: map[string]any{"rate": -1}}, []string{"toxic bandwidth: rate must be at least 0, got -1"}},
		{spec.Spec{Type: "bandwidth", Attributes: map[string]any{"rate": 9.3e16}},
			[]string{"toxic bandwidth: rate must be at most 92233720368547758, got 93000000000000000"}},
		{spec.Spec{Type: "latency", Attributes: map[string]any{"jitter": 1 << 62}},
			[]string{"toxic latency: jitter must be at most 4611686018427, got 4611686018427387904"}},
		{spec.Spec{Type: "latency", Attributes: map[string]any{"latency": math.NaN(), "jitter": "soon"}}, []string{
			"toxic latency: latency must be a whole number, got NaN",
			`toxic latency: jitter must be whole milliseconds such as 200 or 1.5s, got "soon"`}},
		{spec.Spec{Type: "latency", Attributes: map[string]any{"distribution": "gauss"}},
			[]string{"toxic latency: distribution must be one of uniform, normal, pareto, got gauss"}},
		{spec.Spec{Type: "latency", Attributes: map[string]any{"distribution": 3}},
			[]string{"toxic latency: distribution must be one of uniform, normal, pareto, got 3"}},
		{spec.Spec{Type: "packet_loss", Attributes: map[string]any{"loss_rate": 1.1, "correlation": math.NaN(), "rto": 0, "segment_size": 0}}, []string{
			"toxic packet_loss: loss_rate must be a number from 0 to 1, got 1.1",
			"toxic packet_loss: correlation must be a number from 0 to 1, got NaN",
			"toxic packet_loss: rto must be at least 1, got 0",
			"toxic packet_loss: segment_size must be at least 1, got 0"}},
		{spec.Spec{Type: "packet_loss", Attributes: map[string]any{"loss_rate": "a lot", "correlation": true}}, []string{
			"toxic packet_loss: loss_rate must be a number from 0 to 1, got a lot",
			"toxic packet_loss: correlation must be a number from 0 to 1, got true"}},
		{spec.Spec{Type: "limit_time", Attributes: map[string]any{"time": -1, "ending": "abort"}}, []string{
			"toxic limit_time: time must be at least 0, got -1", "toxic limit_time: ending must be one of fin, reset, got abort"}},
		{spec.Spec{Type: "noop", Connection: 3, LastConnection: 2}, []string{"toxic noop: connections must end where they begin or later, got 3-2"}},
		{spec.Spec{Type: "noop", LastConnection: 2}, []string{"toxic noop: connections must end where they begin or later, got 0-2"}},
		{spec.Spec{Type: "noop", At: spec.Trigger{Opposite: []byte{}}}, []string{"toxic noop: at.opposite must not be empty"}},
		{spec.Spec{Type: "latency", Attributes: map[string]any{"latency": float64(1 << 63)}},
			[]string{"toxic latency: latency must be a whole number, got 9.223372036854776e+18"}},
		{spec.Spec{Type: "slice", Attributes: map[string]any{"sizes": []any{3, 0.5}}}, []string{"toxic slice: sizes must be a list of whole numbers, got 0.5 in it"}},
		{spec.Spec{Type: "slice", Attributes: map[string]any{"sizes": []int{3, 0, -2}}}, []string{
			"toxic slice: sizes[1] must be at least 1, got 0", "toxic slice: sizes[2] must be at least 1, got -2"}},
		{spec.Spec{Type: "slice", Attributes: map[string]any{"size": 3, "offsets": "4,5"}}, []string{"toxic slice: give one of size, sizes and offsets, got 2 of them"}},
		{spec.Spec{Type: "corrupt", Attributes: map[string]any{"every": 3, "offsets": 4}}, []string{"toxic corrupt: give offsets or every, got both"}},
		{spec.Spec{Type: "corrupt", Attributes: map[string]any{"mask": 256}}, []string{"toxic corrupt: mask must be at most 255, got 256"}},
		{spec.Spec{Type: "small_window", Attributes: map[string]any{"segment_size": 87, "hold": "maybe"}}, []string{
			"toxic small_window: segment_size must be at least 88, got 87", "toxic small_window: hold must be true or false, got maybe"}},
		{spec.Spec{Type: "refuse", At: spec.Trigger{Segment: 1}}, []string{"toxic refuse: it applies to the connection and has no trigger, got at.segment=1"}},
		{spec.Spec{Type: "reset", At: spec.Trigger{Byte: number(-1), Segment: -1}}, []string{
			"toxic reset: at.byte must be at least 0, got -1",
			"toxic reset: at.segment must be at least 1, got -1",
			"toxic reset: at takes one of byte, pattern, opposite, segment, frame, event, time, got 2 of them"}},
		{spec.Spec{Type: "reset", At: spec.Trigger{Pattern: []byte{}}}, []string{"toxic reset: at.pattern must not be empty"}},
		{spec.Spec{Type: "reset", Direction: 2, Toxicity: math.Inf(1)}, []string{
			"toxic reset: direction must be upstream or downstream, got 2", "toxic reset: toxicity must be a number, got +Inf"}},
		{spec.Spec{Type: "shouter", Attributes: map[string]any{"times": "x"}},
			[]string{"toxic shouter: attributes: json: cannot unmarshal string into Go struct field shouter.times of type int"}},
		{spec.Spec{Type: "shouter", Attributes: map[string]any{"times": func() {}}}, []string{"toxic shouter: attributes: json: unsupported type: func()"}},
	} {
		toxic, err := MakeToxic(c.spec)
		if err == nil {
			t.Errorf("%+v: made %+v", c.spec, toxic)
			continue
		}
		if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%+v: (-want +got)\n%s", c.spec, diff)
		}
	}
}

func TestMakeCompletes(t *testing.T) {
	given := map[string]any{"latency": json.Number("20"), "jitter": nil}
	toxic, err := MakeToxic(spec.Spec{Type: "latency", Direction: event.Downstream, Attributes: given})
	if err != nil {
		t.Fatal(err)
	}
	want := spec.Spec{Name: "latency_downstream", Type: "latency", Direction: event.Downstream, Toxicity: 1,
		Attributes: map[string]any{"latency": int64(20), "jitter": int64(0), "distribution": "uniform"}}
	if diff := cmp.Diff(want, toxic.Spec); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if toxic.BufferSize != 1024 {
		t.Errorf("buffer of %d chunks, want 1024", toxic.BufferSize)
	}
	if _, untouched := given["latency"].(json.Number); !untouched {
		t.Error("the attributes given were modified")
	}
}

func TestMakeTakesValuesAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		kind, name  string
		value, want any
	}{
		{"latency", "latency", "1.5s", int64(1500)},
		{"latency", "latency", uint8(7), int64(7)},
		{"latency", "latency", -5, int64(-5)},
		{"limit_data", "bytes", "64KiB", int64(65536)},
		{"limit_data", "bytes", "2 MB", int64(2000000)},
		{"limit_data", "bytes", 3.0, int64(3)},
		{"slice", "sizes", "1, 2,3", []int64{1, 2, 3}},
		{"slice", "sizes", []any{1.0, "2", json.Number("3")}, []int64{1, 2, 3}},
		{"slice", "offsets", 7, []int64{7}},
		{"slice", "offsets", nil, []int64{}},
		{"small_window", "hold", "true", true},
		{"packet_loss", "loss_rate", "0.25", 0.25},
		{"packet_loss", "loss_rate", json.Number("1e-3"), 0.001},
		{"packet_loss", "loss_rate", 1, 1.0},
		{"packet_loss", "loss_rate", nil, 0.1},
		{"latency", "distribution", "pareto", "pareto"},
	} {
		toxic, err := MakeToxic(spec.Spec{Type: c.kind, Attributes: map[string]any{c.name: c.value}})
		if err != nil {
			t.Errorf("%s %s=%v: %v", c.kind, c.name, c.value, err)
		} else if diff := cmp.Diff(c.want, toxic.Attributes[c.name]); diff != "" {
			t.Errorf("%s %s=%v: (-want +got)\n%s", c.kind, c.name, c.value, diff)
		}
	}
}

func TestRefuseIsMarked(t *testing.T) {
	toxic := mustMake(t, "refuse")
	if !toxic.Refuse {
		t.Errorf("made %+v", toxic)
	}
	for _, some := range []spec.Spec{{Type: "refuse", Connection: 2}, {Type: "refuse", Toxicity: 0.5}} {
		if _, err := MakeToxic(some); err == nil || !strings.Contains(err.Error(), "refuses every connection") {
			t.Errorf("%+v: got %v", some, err)
		}
	}
	b := benchFor(t, newWire(t), toxic.Instance)
	b.send("hello")
	b.expect("hello")
	close(b.input)
	b.expectClosed()
	b.expectStruck()
}

// TestInstancesCanBeCompared is what a link does to see which toxics are new.
func TestInstancesCanBeCompared(t *testing.T) {
	for _, flag := range []string{"slice sizes=1,2", "corrupt offsets=3", "reset at.pattern=x", "bandwidth"} {
		a, b := mustMake(t, flag).Instance, mustMake(t, flag).Instance
		if a == b || a != any(a) {
			t.Errorf("%s: two instances are one", flag)
		}
	}
}

// FuzzMake gives any type any attributes as JSON: an error or a toxic, no panic.
// What was made must pass a stream without a panic, too.
func FuzzMake(f *testing.F) {
	for _, k := range Catalogue() {
		f.Add(k.Name, `{}`, int64(1))
	}
	f.Add("slicer", `{"average_size": 10, "size_variation": 100}`, int64(-1))
	f.Add("bandwidth", `{"rate": 93000000000000000}`, int64(1))
	f.Add("latency", `{"jitter": 4611686018427387904}`, int64(1))
	f.Add("slice", `{"sizes": [1, null, "x", {}], "offsets": [[1]]}`, int64(0))
	f.Add("corrupt", `{"every": 1, "mask": 3, "hold": true}`, int64(5))
	f.Fuzz(func(t *testing.T, kind, attributes string, at int64) {
		spec := spec.Spec{Type: kind, At: spec.Trigger{Byte: &at}}
		if json.Unmarshal([]byte(attributes), &spec.Attributes) != nil {
			return
		}
		toxic, err := MakeToxic(spec)
		if (err == nil) != (toxic.Instance != nil) {
			t.Fatalf("made %+v, error %v", toxic, err)
		}
		if err == nil {
			outlive(t, toxic)
		}
	})
}
