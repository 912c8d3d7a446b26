package report

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
)

func TestRemarksAreToldOnce(t *testing.T) {
	remark := outcome.Remark{Text: `the server answered a request that was cut off: "OK\n"`, Declare: "policies: {truncated: ignored}"}
	result := func(variant string) outcome.Result {
		return outcome.Result{Target: "kv", Scenario: "eof/in-body", Variant: variant, Verdict: outcome.Pass, Level: outcome.Must, Remarks: []outcome.Remark{remark}}
	}
	d := outcome.FoldResults(1, outcome.Run{}.Started, 0, []outcome.Result{result("byte=1"), result("byte=2")})
	var b strings.Builder
	if err := WriteText(&b, d, Options{}); err != nil {
		t.Fatalf("text: %v", err)
	}
	for _, want := range []string{"remarks:", "[eof/in-body byte=1]", "declare policies: {truncated: ignored} (in 2 variants)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the report:\n%s", want, b.String())
		}
	}
	if got := strings.Count(b.String(), "was cut off"); got != 1 {
		t.Errorf("told %d times, want once:\n%s", got, b.String())
	}
	b.Reset()
	if err := WriteText(&b, d, Options{Quiet: true}); err != nil || strings.Contains(b.String(), "remarks:") {
		t.Errorf("with quiet, error %v:\n%s", err, b.String())
	}
}
