package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it), got:\n%s\nwant:\n%s", path, got, want)
	}
}

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// aRun is a document with everything in it that a report tells.
func aRun() outcome.Run {
	var results []outcome.Result
	add := func(r outcome.Result) { results = append(results, r) }
	add(outcome.Result{Target: "kv", Scenario: "eof/after-reply", Level: outcome.Must, Verdict: outcome.Pass, Elapsed: 3.25,
		Notes: []string{"unverified: the receiver is not on this machine"}})
	for _, variant := range []string{"byte=1", "byte=2", "byte=3", "byte=4", "byte=5"} {
		add(outcome.Result{Target: "kv", Scenario: "segmentation/split", Variant: variant, Level: outcome.Must, Verdict: outcome.Pass, Elapsed: 1.5})
	}
	for _, variant := range []string{"byte=6", "byte=7", "byte=9"} {
		add(aFailure(variant))
	}
	add(outcome.Result{Target: "kv", Scenario: "eof/half-close", Level: outcome.Must, Verdict: outcome.Unsupported, Message: "unsupported: the policy half_close is close"})
	add(outcome.Result{Target: "kv", Scenario: "eof/half-close-idle", Level: outcome.Must, Verdict: outcome.Unsupported, Message: "unsupported: the policy half_close is close"})
	add(outcome.Result{Target: "kv", Scenario: "stall/zero-window", Level: outcome.Must, Verdict: outcome.Unsupported, Message: "unsupported: needs Linux"})
	add(outcome.Result{Target: "kv", Scenario: "slow/drip", Level: outcome.Must, Verdict: outcome.Waived, Elapsed: 12, Message: "got timeout, want \"OK\\n\"\nwaived by waivers.yaml:4: issue 12, until 2027-01-01"})
	add(outcome.Result{Target: "kv", Scenario: "pipelining/two-requests", Level: outcome.Info, Verdict: outcome.Fail, Elapsed: 7, Message: "answers one request per connection",
		Ending: outcome.Endings{Client: event.EOF, Server: event.EOF}})
	add(outcome.Result{Target: "kv", Scenario: "limits/long-line", Level: outcome.May, Verdict: outcome.Fail, Message: "no limit up to 16 MiB"})
	add(outcome.Result{Target: "kv", Scenario: "reset/fresh", Level: outcome.Should, Verdict: outcome.Fail, Elapsed: 9, Message: "closed with a reset, want eof", Replay: "harness replay kv reset/fresh", Captures: []string{"caps/kv-reset-fresh.pcapng", "caps/kv-reset-fresh.again.pcapng"},
		Ending: outcome.Endings{Client: event.Reset, Server: event.Open}})
	add(outcome.Result{Target: "kv", Scenario: "slow/reader", Level: outcome.Must, Verdict: outcome.Flaky, Elapsed: 30, Message: "failed once, passed when run again alone: no answer within 2s"})
	add(outcome.Result{Target: "kv", Scenario: "reset/idle", Level: outcome.Must, Verdict: outcome.Stale, Elapsed: 2, Message: "waivers.yaml:9 says that this fails, and it passes"})
	add(outcome.Result{Target: "kv", Scenario: "restart/again", Level: outcome.Must, Verdict: outcome.Blocked, Elapsed: 2, Message: "fails without any fault: no answer"})
	add(outcome.Result{Target: "kv", Scenario: "reset/at-byte", Variant: "byte=4096", Level: outcome.Must, Verdict: outcome.Invalid, Elapsed: 2, Message: "connection closed at byte 812, before offset 4096",
		Ending: outcome.Endings{Client: event.EOF, Server: event.BrokenPipe}})
	add(outcome.Result{Target: "kv", Scenario: "eof/before-first-byte", Check: "cpu", Level: outcome.Must, Verdict: outcome.Fail, Elapsed: 40,
		Message: "burns 98% of a processor while nothing moves", Share: &outcome.Confirmation{Failed: 3, Runs: 3}, Replay: "harness replay kv eof/before-first-byte",
		Ending: outcome.Endings{Client: event.EOF, Server: event.Open}, First: &outcome.FirstEnd{Side: event.Client, Ending: event.EOF, At: 0.4}})
	for _, scenario := range []string{"eof/mid-message", "eof/after-reply", "reset/idle", "segmentation/split"} {
		add(outcome.Result{Target: "fetcher", Scenario: scenario, Level: outcome.Must, Verdict: outcome.Invalid,
			Message: "server \"python3 server.py 40001\": exited with status 2 before it listened:\nTraceback (most recent call last):\n  SyntaxError: invalid syntax"})
	}
	d := outcome.FoldResults(7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), 4210*time.Millisecond, results)
	d.Problems = []string{"worker 2 crashed: signal: killed\ngoroutine 1 [running]:\n\tmain.main()"}
	return d.ExplainResults(aboutScenario, aboutCheck)
}

func aboutScenario(id string) outcome.Explanation {
	return map[string]outcome.Explanation{
		"segmentation/split": {Title: "A message cut anywhere is still one message", Rationale: "TCP keeps no boundaries; one recv is not one message.\nIt works until the network is busy.", Ref: "RFC 9293 §3.8"},
		"reset/fresh":        {Title: "A connection is ended in order", Rationale: "A reset destroys what the other side has not read yet."},
		"reset/at-byte":      {Title: "A reset at any byte is an error", Ref: "tcp(7)"},
	}[id]
}

func aboutCheck(name string) outcome.Explanation {
	return map[string]outcome.Explanation{"cpu": {Title: "Nobody burns a processor while nothing moves", Rationale: "A loop that takes EOF for nothing yet never ends.", Ref: "wrk#167"}}[name]
}

func aFailure(variant string) outcome.Result {
	events := []event.Event{
		{At: ms(0.1), Kind: event.Accept, Proxy: "kv", Conn: 1, Side: event.Client, Detail: "127.0.0.1:40000"},
		{At: ms(0.3), Kind: event.Dial, Proxy: "kv", Conn: 1, Detail: "127.0.0.1:7000"},
		{At: ms(0.4), Kind: event.Bytes, Proxy: "kv", Conn: 1, Direction: event.Upstream, Side: event.Client, Bytes: 4},
		{At: ms(0.5), Kind: event.Bytes, Proxy: "kv", Conn: 1, Direction: event.Upstream, Side: event.Client, Offset: 4, Bytes: 2},
		{At: ms(0.6), Kind: event.Struck, Proxy: "kv", Conn: 1, Direction: event.Upstream, Toxic: "slice", Offset: 6, Detail: "at byte 6"},
		{At: ms(0.9), Kind: event.BoundaryRead, Proxy: "kv", Conn: 1, Direction: event.Upstream, Offset: 6, Detail: "verified"},
		{At: ms(1.2), Kind: event.RST, Proxy: "kv", Conn: 1, Direction: event.Downstream, Side: event.Server, First: true},
		{At: ms(1.3), Kind: event.Close, Proxy: "kv", Conn: 1},
	}
	stderr := ""
	for i := range 12 {
		stderr += "line " + string(rune('a'+i)) + "\n"
	}
	return outcome.Result{Target: "kv", Scenario: "segmentation/split", Variant: variant, Level: outcome.Must, Verdict: outcome.Fail, Elapsed: 31,
		Message: "the reply differs at " + variant + ":\n  got  \"\"\n  want \"OK\\n\"", Notes: []string{"verified segment boundaries: 1 (the receiver read each segment separately)"},
		Replay: "harness replay kv segmentation/split '" + variant + "'",
		Ending: outcome.Endings{Client: event.Reset, Server: event.Open}, Stderr: stderr, Events: events,
		First: &outcome.FirstEnd{Side: event.Server, Ending: event.Reset, At: 1.2}, Share: &outcome.Confirmation{Failed: 2, Runs: 3}}
}
