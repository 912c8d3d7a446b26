package report

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// scenarioPurpose tells what the scenario and the check of a result are for, as far as
// the document says: what a correct peer does, and why that matters.
func scenarioPurpose(d outcome.Run, r outcome.Result) []string {
	var lines []string
	if r.Check != "" {
		about := d.Checks[r.Check]
		lines = append(lines, describedAs("oracle "+r.Check, about.Title))
		lines = append(lines, explanationLines(about)...)
	}
	about, known := d.Scenarios[r.Scenario]
	if !known {
		return lines
	}
	if r.Check != "" {
		return append(lines, describedAs("scenario", about.Title))
	}
	return append(append(lines, describedAs("expected", about.Title)), explanationLines(about)...)
}

func describedAs(what, title string) string {
	if title == "" {
		return what
	}
	return what + ": " + cleanFirst(title)
}

func explanationLines(a outcome.Explanation) []string {
	text := strings.Join(cleanLines(a.Rationale), " ")
	switch {
	case text == "" && a.Ref == "":
		return nil
	case a.Ref == "":
		return []string{"why: " + text}
	case text == "":
		return []string{"see: " + cleanFirst(a.Ref)}
	}
	return []string{"why: " + text + " (" + cleanFirst(a.Ref) + ")"}
}

// factLines tells how often it was seen, how the conversation ended as each side saw
// it, and who ended it first.
func factLines(r outcome.Result) []string {
	var lines []string
	if s := r.Share; s != nil {
		lines = append(lines, fmt.Sprintf("failed again in %d of %s", s.Failed, plural.Count(s.Runs, "rerun")))
	}
	ends := formatEndings(r.Ending)
	if f := r.First; f != nil {
		if ends != "" {
			ends += " · "
		}
		ends += fmt.Sprintf("closed first: %s, with %s at %.1f ms", enderName(f.Side), segmentName(f.Ending), float64(f.At))
	}
	if ends != "" {
		lines = append(lines, ends)
	}
	return lines
}

func enderName(s event.Side) string {
	if s == event.Proxy {
		return "the proxy (a fault)"
	}
	return "the " + string(s)
}

// segmentName names what is sent to end a stream.
func segmentName(e event.Ending) string {
	switch e {
	case event.EOF:
		return "FIN"
	case event.Reset:
		return "RST"
	}
	return e.Text()
}
