package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
)

// aBug is what one bug does in many scenarios: the messages differ, the cause is one.
func aBug() outcome.Run {
	var results []outcome.Result
	add := func(scenario, variant, message, cause string, verdict outcome.Verdict) {
		results = append(results, outcome.Result{Target: "kv", Scenario: scenario, Variant: variant, Level: outcome.Must, Verdict: verdict,
			Message: message, Cause: cause, Replay: "harness replay " + scenario})
	}
	add("partialsend/split", "byte=1", "got \"E\" at byte 0", "first wrong byte 'E'", outcome.Fail)
	add("partialsend/split", "byte=4", "cut at byte 4", "first wrong byte '\\n'", outcome.Fail)
	add("partialsend/drip", "", "drip: got \"E\"", "first wrong byte 'E'", outcome.Fail)
	add("halfclose/fin", "", "half: got \"\\n\"", "first wrong byte '\\n'", outcome.Fail)
	add("eof/after-message", "", "not closed after 2s, python3 (pid 7) waits", "connection not closed: hang: python3 in recvfrom", outcome.Fail)
	add("reset/idle", "", "not closed after 3s, python3 (pid 9) waits", "connection not closed: hang: python3 in recvfrom", outcome.Fail)
	add("liveness/cross-talk", "", "fails without the second client too", "first wrong byte 'E'", outcome.Blocked)
	add("timeout/pause", "byte=4", "fails without the pause too", "first wrong byte '\\n'", outcome.Blocked)
	add("timeout/pause", "byte=9", "fails without the pause too", "first wrong byte 'E'", outcome.Blocked)
	results[2].Share = &outcome.Confirmation{Failed: 3, Runs: 3}
	return outcome.FoldResults(1, time.Time{}, 0, results)
}

func TestOneBugIsToldOnce(t *testing.T) {
	got := text(t, aBug(), Options{})
	if n := strings.Count(got, "\nFAIL ") + strings.Count(got[:5], "FAIL "); n != 2 {
		t.Errorf("got %d blocks, want 2:\n%s", n, got)
	}
	for _, want := range []string{
		"FAIL (must) partialsend/drip on kv\n", // it was confirmed
		"  probably the same bug in 3 more results: partialsend/split (2), halfclose/fin\n",
		"  blocked by it, because they also fail without their own fault: liveness/cross-talk, timeout/pause (2)\n",
		"FAIL (must) eof/after-message on kv\n",
		"what to do next:\n  1. kv: 3 scenarios fail alike: drip: got \"E\"; begin with partialsend/drip\n  2. kv: 2 scenarios fail alike: not closed after 2s, python3 (pid 7) waits; begin with eof/after-message\n",
		"target  failed  blocked\nkv           6        3\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("want %q once in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "BLOCKED") {
		t.Errorf("what the same bug blocks has a block of its own:\n%s", got)
	}
}

func TestVerboseTellsEachByItself(t *testing.T) {
	got := text(t, aBug(), Options{Verbose: true})
	if fails, blocked := strings.Count(got, "FAIL ("), strings.Count(got, "BLOCKED ("); fails != 6 || blocked < 2 {
		t.Errorf("got %d failures and %d blocked, want 6 and all:\n%s", fails, blocked, got)
	}
}

func TestWhatIsBlockedAloneIsTold(t *testing.T) {
	d := aBug()
	got := text(t, d.WithResults(d.Results[6:]), Options{})
	if strings.Count(got, "BLOCKED (must) ") == 0 || d.WithResults(d.Results[6:]).ExitCode(false) != outcome.ExitVerdicts {
		t.Errorf("got:\n%s", got)
	}
}

// A server that has died of two causes has two bugs.
func TestDeathsWithDifferentLastWordsAreDifferentFindings(t *testing.T) {
	var results []outcome.Result
	for scenario, words := range map[string]string{"reset/idle": "Error: read ECONNRESET", "reset/vanish": "Error: read ECONNRESET",
		"eof/in-body": "TypeError: x is not a function", "eof/in-header": "TypeError: x is not a function"} {
		results = append(results, outcome.Result{Target: "kv", Scenario: scenario, Level: outcome.Must, Verdict: outcome.Fail, Check: "alive",
			Message: "the server process ended: exited with status 1; it wrote: " + words, Cause: "process ended: exited with status 1: " + words})
	}
	got := text(t, outcome.FoldResults(1, time.Time{}, 0, results), Options{})
	if n := strings.Count(got, "FAIL ("); n != 2 {
		t.Errorf("got %d findings, want 2:\n%s", n, got)
	}
}

func TestJSONAndJUnitKeepEveryResult(t *testing.T) {
	var b strings.Builder
	d := aBug()
	if err := WriteJSON(&b, d); err != nil {
		t.Fatal(err)
	}
	var read outcome.Run
	if err := json.Unmarshal([]byte(b.String()), &read); err != nil || len(read.Results) != len(d.Results) || read.Results[0].Cause == "" {
		t.Errorf("got %d results, %v", len(read.Results), err)
	}
	b.Reset()
	if err := WriteJUnit(&b, d, false); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "<testcase "); n != len(d.Results) {
		t.Errorf("got %d cases, want %d", n, len(d.Results))
	}
}

// The first and the last lines of standard error, and those that name the error.
func TestStderrShowsTheCause(t *testing.T) {
	lines := []string{"listening on 7000"}
	for range 40 {
		lines = append(lines, "served a client")
	}
	lines = append(lines, "Error: read ECONNRESET", "    at TCP.onStreamRead (node:internal)")
	for range 40 {
		lines = append(lines, "    at more")
	}
	lines = append(lines, "Node.js v20.0.0")
	r := aFailure("byte=1")
	r.Stderr = strings.Join(lines, "\n")
	got := text(t, outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{r}), Options{})
	for _, want := range []string{"| listening on 7000\n", "| … (39 lines)\n", "| Error: read ECONNRESET\n", "|     at TCP.onStreamRead", "| Node.js v20.0.0\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}
