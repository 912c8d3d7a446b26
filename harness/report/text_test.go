package report

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

func text(t testing.TB, d outcome.Run, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteText(&b, d, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	green := outcome.FoldResults(7, time.Time{}, 1200*time.Millisecond, aRun().Results[:6])
	for name, tt := range map[string]struct {
		document outcome.Run
		options  Options
	}{
		"plain":   {aRun(), Options{}},
		"verbose": {aRun(), Options{Verbose: true}},
		"quiet":   {aRun(), Options{Quiet: true}},
		"strict":  {aRun(), Options{Quiet: true, Strict: true}},
		"narrow":  {aRun(), Options{Width: 60}},
		"color":   {aRun(), Options{Color: true}},
		"green":   {green, Options{}},
		"nothing": {outcome.FoldResults(7, time.Time{}, 0, nil), Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			checkGolden(t, name+".txt", []byte(text(t, tt.document, tt.options)))
		})
	}
}

func TestTextSaysTheSameWhateverTheOrderOfMaps(t *testing.T) {
	want := text(t, aRun(), Options{Verbose: true})
	for range 20 {
		if got := text(t, aRun(), Options{Verbose: true}); got != want {
			t.Fatalf("got:\n%s\nwant:\n%s", got, want)
		}
	}
}

func TestTextEscapesWhatPeersWrite(t *testing.T) {
	evil := "\x1b[2J\x1b]0;owned\x07\r\u009b31m\u202e\xff\x00"
	d := outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{{Target: evil, Scenario: evil, Variant: evil, Level: outcome.Level(evil),
		Verdict: outcome.Verdict(evil), Message: evil, Notes: []string{evil}, Replay: evil, Captures: []string{evil}, Stderr: evil,
		Ending: outcome.Endings{Client: event.Ending(evil)},
		Events: []event.Event{{Kind: event.Kind(evil), Proxy: evil, Side: event.Side(evil), Detail: evil}, {Kind: event.Struck, Toxic: evil}}}})
	d.Problems, d.Stopped = []string{evil}, evil
	for _, o := range []Options{{}, {Verbose: true}, {Color: true}} {
		checkPrintable(t, d, o)
	}
	if got := text(t, d, Options{}); !strings.Contains(got, `\x1b[2J\x1b]0;owned\a\r\u009b31m\u202e\xff\x00`) {
		t.Errorf("got %q, want the escapes to be told", got)
	}
}

// Scenarios that a declaration would run are counted, with the command that proposes it.
func TestTextCountsWhatNeedsAPolicy(t *testing.T) {
	result := func(message string) outcome.Result {
		return outcome.Result{Target: "kv", Scenario: "eof/" + message[:1], Level: outcome.Must, Verdict: outcome.Unsupported, Message: "unsupported: " + message}
	}
	const want = "a policy of the target is missing for "
	run := outcome.FoldResults(7, time.Time{}, 0, []outcome.Result{result("a: the target does not declare pipelining"), result("b: the target does not declare idle_timeout"), result("c: needs Linux")})
	if got := text(t, run, Options{}); !strings.Contains(got, want+"2 of them; harness run --infer proposes policies") {
		t.Errorf("got %s, want in it: %s2 of them", got, want)
	}
	if got := text(t, outcome.FoldResults(7, time.Time{}, 0, run.Results[2:]), Options{}); strings.Contains(got, want) {
		t.Errorf("got %s, which names a policy", got)
	}
}

func TestTextReturnsTheErrorOfTheWriter(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := WriteText(brokenWriter{broken}, aRun(), Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestFailuresWithDifferentEndingsAreNotFolded(t *testing.T) {
	reset, eof := aFailure("byte=1"), aFailure("byte=2")
	eof.Ending.Client = event.EOF
	got := text(t, outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{reset, eof}), Options{})
	if n := strings.Count(got, "FAIL "); n != 2 {
		t.Errorf("got %d blocks, want 2:\n%s", n, got)
	}
}

// A sweep whose bytes differ from offset to offset is told once, with all of
// the offsets.
func TestASweepIsToldOnce(t *testing.T) {
	var results []outcome.Result
	for i := 1; i <= 12; i++ {
		r := outcome.Result{Target: "kv", Scenario: "a/split", Variant: fmt.Sprintf("byte=%d", i), Level: outcome.Must, Verdict: outcome.Pass}
		if i <= 3 || i%2 == 1 {
			r.Verdict = outcome.Fail
			r.Message = fmt.Sprintf("the reply differs, at byte %d\n  want \"HELLO\"\n  got  \"%d\"\n  … 16 bytes before\n  - 00000010  48 45 4c 4c 4f  |HELLO|\n  + 00000010  %02x 0a  |.|.| (then: eof (FIN))\n  … 3 bytes after", i, i, 0x4a+i)
		}
		results = append(results, r)
	}
	leak := results[0]
	leak.Check, leak.Message = "descriptors", "one more each time"
	whole := leak
	whole.Check, whole.Variant = "threads", ""
	got := text(t, outcome.FoldResults(1, time.Time{}, 0, append(results, leak, whole)), Options{})
	for _, want := range []string{"\n  7 of 12 offsets: byte=1–3, 5, 7, 9, 11\n", "+ 00000010  4b 0a", "FAIL (must) a/split on kv (descriptors)\n  1 of 12 offsets: byte=1\n", "FAIL (must) a/split on kv (threads)\n  oracle threads\n"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("want %q once in:\n%s", want, got)
		}
	}
}

func TestRoundsAreToldBeforeTheSummary(t *testing.T) {
	d := aRun()
	for _, tt := range []struct {
		rounds outcome.Rounds
		want   string
	}{
		{outcome.Rounds{Asked: 50, Played: 50, Variants: 734}, "\n50 rounds, 734 variants: no verdict changed\n"},
		{outcome.Rounds{Asked: 50, Played: 3, Variants: 1}, "\n3 of 50 rounds, 1 variant: no verdict changed\n"},
		{outcome.Rounds{Asked: 2, Played: 2, Variants: 9, Changed: []outcome.Change{{Target: "kv", Scenario: "a/b", Variant: "byte=1\x1b", Verdicts: []outcome.Verdict{outcome.Pass, outcome.Fail}}}},
			"\n2 rounds, 9 variants: 1 verdict changed\n  a/b on kv [byte=1\\x1b]: 1× pass, 1× fail\n"},
	} {
		d.Rounds = &tt.rounds
		if got := text(t, d, Options{}); !strings.Contains(got, tt.want) {
			t.Errorf("want %q in:\n%s", tt.want, got)
		}
		checkJUnit(t, d, false)
		checkPrintable(t, d, Options{})
	}
}

func TestVariantList(t *testing.T) {
	var many []string
	for i := range 25 {
		many = append(many, fmt.Sprintf("byte=%d", 2*i))
	}
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"lf", "crlf"}, "lf, crlf"},
		{[]string{"byte=5", "byte=6", "byte=9"}, "byte=5, 6, 9"},
		{[]string{"byte=1", "byte=2", "byte=3", "byte=5"}, "byte=1–3, 5"},
		{[]string{"byte=5", "byte=6", "byte=7", "byte=8", "byte=10"}, "byte=5–8, 10"},
		{[]string{"up, byte=1", "down, byte=1"}, "up, byte=1, down, byte=1"},
		{[]string{"byte=1", "cut=1", "cut=2"}, "byte=1, cut=1, 2"},
		{many[:12], "byte=0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22"},
		{[]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}, "a, b, c, d, e, f, g, h, i, j, … (2 more)"},
	} {
		if got := variantList(tt.names); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.names, got, tt.want)
		}
	}
}

func TestLongTrafficIsFolded(t *testing.T) {
	var events []event.Event
	for i := range int64(500) {
		events = append(events,
			event.Event{Kind: event.Bytes, Conn: 1, Direction: event.Upstream, Offset: 10 * i, Bytes: 10},
			event.Event{Kind: event.Bytes, Conn: 1, Direction: event.Downstream, Offset: 3 * i, Bytes: 3})
	}
	events = append(events, event.Event{Kind: event.Struck, Conn: 1, Toxic: "reset"})
	for i := range int64(500) {
		events = append(events, event.Event{Kind: event.Bytes, Conn: 1, Direction: event.Upstream, Offset: 5000 + i, Bytes: 1})
	}
	tl := newTimeline(events)
	var lines []string
	for _, m := range tl.moments {
		lead, rest := tl.formatRow(m)
		lines = append(lines, lead+rest)
	}
	got := strings.Join(lines, "\n")
	if len(lines) != 11 {
		t.Errorf("got %d lines, want 11:\n%s", len(lines), got)
	}
	for _, want := range []string{"992 more rows of traffic: 4960 bytes upstream, 1488 downstream", ">>>", "500 bytes to the server [5000, 5500) in 500 pieces"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}
