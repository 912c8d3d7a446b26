package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// WriteTAP writes the document as TAP version 14, a test point for each result. What does
// not turn the run red and is no pass is marked TODO, what was not played SKIP. Source:
// https://testanything.org/tap-version-14-specification.html.
func WriteTAP(w io.Writer, d outcome.Run, strict bool) error {
	problems := runProblems(d, strict)
	var b bytes.Buffer
	fmt.Fprintf(&b, "TAP version 14\n1..%d", len(d.Results)+len(problems))
	if len(d.Results)+len(problems) == 0 {
		b.WriteString(" # SKIP this shard had nothing to run")
	}
	fmt.Fprintf(&b, "\n# harness, seed %d\n", d.Seed)
	for i, r := range d.Results {
		writePoint(&b, i+1, r, strict)
	}
	for i, p := range problems {
		fmt.Fprintf(&b, "not ok %d - harness: %s\n  ---\n", len(d.Results)+i+1, tapText(p.Name))
		tapField(&b, "message", p.Text)
		b.WriteString("  ...\n")
	}
	if d.Stopped != "" {
		fmt.Fprintf(&b, "# stopped: %s\n", tapText(d.Stopped))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writePoint(b *bytes.Buffer, number int, r outcome.Result, strict bool) {
	name := tapText(cleanLine(r.Target) + ": " + caseName(r))
	switch status := ctrfStatus(r, strict); {
	case r.Verdict == outcome.Pass:
		fmt.Fprintf(b, "ok %d - %s\n", number, name)
		return
	case status == "skipped":
		fmt.Fprintf(b, "ok %d - %s # SKIP %s\n", number, name, tapText(strings.TrimPrefix(cleanFirst(r.Message), "unsupported: ")))
		return
	case status == "failed":
		fmt.Fprintf(b, "not ok %d - %s\n", number, name)
	case r.Verdict == outcome.Stale:
		fmt.Fprintf(b, "not ok %d - %s\n", number, name)
	default:
		fmt.Fprintf(b, "not ok %d - %s # TODO %s\n", number, name, todoReason(r))
	}
	b.WriteString("  ---\n")
	tapField(b, "verdict", string(r.Verdict))
	tapField(b, "level", string(r.Level))
	tapField(b, "state", string(r.State))
	tapField(b, "message", r.Message)
	tapField(b, "client", r.Ending.Client.Text())
	tapField(b, "server", r.Ending.Server.Text())
	tapField(b, "replay", r.Replay)
	tapField(b, "stderr", r.Stderr)
	fmt.Fprintf(b, "  duration_ms: %.3f\n  ...\n", float64(r.Elapsed))
}

// todoReason says why a failure does not count.
func todoReason(r outcome.Result) string {
	switch {
	case r.State == outcome.Ongoing:
		return "the baseline fails too"
	case r.Verdict == outcome.Waived:
		return "waived"
	}
	return fmt.Sprintf("%s at level %s", r.Verdict, tapText(string(r.Level)))
}

// tapText escapes what a description may not hold.
func tapText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(cleanLine(s))
}

// tapField writes a line of the YAML block. A JSON string is a YAML scalar.
func tapField(b *bytes.Buffer, key, value string) {
	text := cleanText(value)
	if text == "" {
		return
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return // a string can be encoded
	}
	fmt.Fprintf(b, "  %s: %s\n", key, quoted)
}
