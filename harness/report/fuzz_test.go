package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

// checkPrintable checks that nothing of the document reaches a terminal as a
// control character, and that colors add their own escapes and nothing else.
func checkPrintable(t *testing.T, d outcome.Run, o Options) {
	t.Helper()
	o.Color = false
	plainText := text(t, d, o)
	if !utf8.ValidString(plainText) {
		t.Errorf("not UTF-8: %q", plainText)
	}
	for _, r := range plainText {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf)) {
			t.Fatalf("got the control character %U in %q", r, plainText)
		}
	}
	o.Color = true
	colored := text(t, d, o)
	for _, s := range []style{bold, dim, red, green, yellow, cyan, "0"} {
		colored = strings.ReplaceAll(colored, "\x1b["+string(s)+"m", "")
	}
	if colored != plainText {
		t.Errorf("without its styles the colored text is\n%q\nwant\n%q", colored, plainText)
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[31mred", "\x1b]0;title\x07\r\n\xff", "byte=1", 40)
	f.Add("a\u2028b\u202ec", strings.Repeat("\xf0\x9f", 1500), "\n\n", 80)
	f.Add(strings.Repeat("x", 1999)+"é", "\t\v\f\b\x7f\u0085", "", 0)
	f.Fuzz(func(t *testing.T, message, stderr, variant string, width int) {
		failure := outcome.Result{Target: "kv", Scenario: variant, Variant: variant, Level: outcome.Must, Verdict: outcome.Fail, Message: message,
			Stderr: stderr, Notes: []string{stderr, message}, Replay: message, Captures: []string{message}, Events: []event.Event{{Kind: event.Struck, Conn: 1, Toxic: message, Detail: stderr}}}
		info := failure
		info.Level = outcome.Info
		skipped := failure
		skipped.Verdict = outcome.Unsupported
		d := outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{failure, info, skipped})
		d.Problems = []string{stderr}
		checkPrintable(t, d, Options{Width: width % 300})
		checkPrintable(t, d, Options{Verbose: true})
		checkJUnit(t, d, false)
		var b bytes.Buffer
		if err := WriteJSON(&b, d); err != nil || !utf8.Valid(b.Bytes()) {
			t.Errorf("json: %v %q", err, b.Bytes())
		}
	})
}
