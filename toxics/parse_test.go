package toxics

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/spec"
)

func TestParseFlag(t *testing.T) {
	at := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		text string
		want spec.Spec
	}{
		{"half_close direction=downstream at.byte=93 connection=2 toxicity=0.5",
			spec.Spec{Type: "half_close", Direction: event.Downstream, Toxicity: 0.5, Connection: 2, At: spec.Trigger{Byte: at(93)}}},
		{"  latency\tlatency=20\n jitter=10  name=slow direction=upstream ",
			spec.Spec{Type: "latency", Name: "slow", Toxicity: 1, Attributes: map[string]any{"latency": json.Number("20"), "jitter": json.Number("10")}}},
		{`reset at.pattern=\r\n\r\n`, spec.Spec{Type: "reset", Direction: event.Downstream, Toxicity: 1, At: spec.Trigger{Pattern: []byte("\r\n\r\n")}}},
		{`reset at.pattern="say \"hi\" \x00"`, spec.Spec{Type: "reset", Direction: event.Downstream, Toxicity: 1, At: spec.Trigger{Pattern: []byte("say \"hi\" \x00")}}},
		{`reset at.pattern=a"b=c`, spec.Spec{Type: "reset", Direction: event.Downstream, Toxicity: 1, At: spec.Trigger{Pattern: []byte(`a"b=c`)}}},
		{"stall duration=1.5s at.time=200ms", spec.Spec{Type: "stall", Direction: event.Downstream, Toxicity: 1,
			At: spec.Trigger{After: 200 * time.Millisecond}, Attributes: map[string]any{"duration": "1.5s"}}},
		{"slice sizes=1,2,3 at.event=answer", spec.Spec{Type: "slice", Direction: event.Downstream, Toxicity: 1,
			At: spec.Trigger{Event: "answer"}, Attributes: map[string]any{"sizes": "1,2,3"}}},
		{"noop connections=1-3 seed=-7 at.opposite=GET\\x20/", spec.Spec{Type: "noop", Direction: event.Downstream, Toxicity: 1, Connection: 1, LastConnection: 3,
			Seed: at(-7), At: spec.Trigger{Opposite: []byte("GET /")}}},
		{"noop connection=4-", spec.Spec{Type: "noop", Direction: event.Downstream, Toxicity: 1, Connection: 4, LastConnection: math.MaxUint64}},
		{`own text="true" flag=true`, spec.Spec{Type: "own", Direction: event.Downstream, Toxicity: 1, Attributes: map[string]any{"text": "true", "flag": true}}},
	} {
		got, err := ParseFlag(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if c.want.Attributes == nil {
			c.want.Attributes = map[string]any{}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.text, diff)
		}
	}
}

func TestParseFlagRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 `toxic "": must begin with a type such as latency`,
		"latency=20":                       `toxic "latency=20": must begin with a type such as latency`,
		"latency 20":                       `toxic latency: "20" must be written key=value`,
		"latency =20":                      `toxic latency: "=20" has no key`,
		"latency jitter=1 jitter=2":        "toxic latency: jitter is given twice",
		"reset direction=down":             `toxic reset: direction "down": want upstream or downstream`,
		"reset toxicity=0 connection=x":    "toxic reset: toxicity must be above 0 and at most 1, got \"0\"\ntoxic reset: connection must be a number from 1, a range such as 1-3 or 4-, or 0 for all, got \"x\"",
		"reset connections=3-1":            "toxic reset: connections must be a number from 1, a range such as 1-3 or 4-, or 0 for all, got \"3-1\"",
		"reset connections=0-":             "toxic reset: connections must be a number from 1, a range such as 1-3 or 4-, or 0 for all, got \"0-\"",
		"reset connection=1 connections=2": "toxic reset: connection and connections mean the same; give one of them",
		"reset seed=x":                     "toxic reset: seed must be a whole number, got \"x\"",
		"reset toxicity=NaN":               `toxic reset: toxicity must be above 0 and at most 1, got "NaN"`,
		`reset at.pattern="a`:              `toxic "reset at.pattern=\"a": at.pattern: the quoted value does not end or has a bad escape`,
		`reset at.pattern="a"b`:            `toxic "reset at.pattern=\"a\"b": at.pattern: a space must follow the quoted value`,
		`reset at.pattern=\q`:              `toxic reset: at.pattern has a bad escape, got \q`,
		"reset at.byte=1 at.segment=2":     "toxic reset: at takes one of byte, pattern, opposite, segment, frame, event, time, got 2 of them",
		"reset at.bytes=1":                 `toxic reset: at.bytes is unknown, did you mean "byte"?`,
	} {
		_, err := ParseFlag(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}

func FuzzParseFlag(f *testing.F) {
	f.Add("half_close direction=downstream at.byte=93 connection=2 toxicity=0.5")
	f.Add(`reset at.pattern="\r\n" name="a b"`)
	f.Add(`reset at.pattern=\`)
	f.Add("slice sizes=1,2,3 x= =y \" =\"")
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := ParseFlag(text)
		if err != nil {
			return
		}
		if spec.Type == "" || strings.ContainsAny(spec.Type, " \t\r\n=") {
			t.Errorf("%q: type %q", text, spec.Type)
		}
		again, err := ParseFlag(FormatFlag(spec))
		if again.Name == "" {
			spec.Name = "" // it was the default
		}
		if diff := cmp.Diff(spec.At, again.At); err != nil || diff != "" {
			t.Errorf("%q: %v does not read back: %v %s", text, spec, err, diff)
		}
		if toxic, err := MakeToxic(spec); err == nil {
			again, err := MakeToxic(again)
			if diff := cmp.Diff(toxic.Spec, again.Spec); err != nil || diff != "" {
				t.Errorf("%q: %v does not read back: %v %s", text, spec, err, diff)
			}
		}
	})
}

func TestSpecReadsBack(t *testing.T) {
	for _, line := range []string{
		"half_close direction=downstream connection=2 toxicity=0.5 at.byte=93",
		`reset direction=upstream name="a b" at.pattern="\r\n"`,
		"slice direction=downstream sizes=1,2,3",
		"stall direction=downstream at.time=200ms duration=100",
		"small_window direction=upstream hold=true",
		"noop direction=upstream at.event=eof",
		"noop direction=downstream connection=1-3 seed=9 at.opposite=\"GET /\"",
		"latency direction=downstream connection=4- distribution=pareto jitter=3",
		"packet_loss direction=upstream loss_rate=0.01",
	} {
		spec, err := ParseFlag(line)
		if err != nil {
			t.Fatal(err)
		}
		toxic, err := MakeToxic(spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := FormatFlag(spec); got != line {
			t.Errorf("got %s, want %s", got, line)
		}
		if got := FormatFlag(toxic.Spec); got != line {
			t.Errorf("made: got %s, want %s", got, line)
		}
	}
}
