package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// maxAnnotations is how many failures are told as annotations: GitHub shows ten errors of
// a step, and the tenth says how many more there are.
const maxAnnotations = 9

// WriteGitHub writes what turns the run red as workflow commands of GitHub Actions, one
// annotation for each finding, what is new first. Source: GitHub's documentation,
// "Workflow commands", and its limits of annotations.
func WriteGitHub(w io.Writer, d outcome.Run, strict bool) error {
	var b bytes.Buffer
	notes := annotationsOf(d, strict)
	for i, n := range notes {
		if i == maxAnnotations && len(notes) > maxAnnotations+1 {
			more := len(notes) - maxAnnotations
			writeAnnotation(&b, annotation{Title: fmt.Sprintf("harness: %d more", more), Text: fmt.Sprintf("%s are in the step summary and in the report.", plural.Count(more, "more finding"))})
			break
		}
		writeAnnotation(&b, n)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// An annotation is one finding beside a line of source.
type annotation struct {
	place
	Title, Text string
}

func annotationsOf(d outcome.Run, strict bool) []annotation {
	var notes []annotation
	for _, g := range redGroups(groupResults(d.Results, strict, false), strict) {
		r := g.exampleResult()
		text := cleanFirst(r.Message)
		if share := variantShare(g); share != "" && len(g.scenarios) == 1 {
			text += "\n" + cleanLine(share)
		}
		if n := len(g.agreeing); n > 0 {
			text += fmt.Sprintf("\n%s probably the same cause.", haveHas(n, "more finding"))
		}
		if r.Replay != "" {
			text += "\nreplay: " + cleanLine(r.Replay)
		}
		notes = append(notes, annotation{placeOf(d, r), strings.ToUpper(string(r.Verdict)) + " " + cleanLine(g.subjectName()), text})
	}
	for _, p := range runProblems(d, strict) {
		notes = append(notes, annotation{Title: "harness: " + p.Name, Text: cleanFirst(p.Text)})
	}
	return notes
}

func writeAnnotation(b *bytes.Buffer, n annotation) {
	var properties []string
	if n.File != "" {
		properties = append(properties, "file="+escapeProperty(n.File), fmt.Sprintf("line=%d", n.Line))
	}
	properties = append(properties, "title="+escapeProperty(n.Title))
	fmt.Fprintf(b, "::error %s::%s\n", strings.Join(properties, ","), escapeCommand(n.Text))
}

func escapeCommand(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
