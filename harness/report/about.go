package report

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

// purpose tells what the scenario and the check of a result are for, as far as
// the document says: what a correct peer does, and why that matters.
func purpose(d outcome.Document, r outcome.Result) []string {
	var lines []string
	if r.Check != "" {
		about := d.Checks[r.Check]
		lines = append(lines, described("check "+r.Check, about.Title))
		lines = append(lines, why(about)...)
	}
	about, known := d.Scenarios[r.Scenario]
	if !known {
		return lines
	}
	if r.Check != "" {
		return append(lines, described("scenario", about.Title))
	}
	return append(append(lines, described("expected", about.Title)), why(about)...)
}

func described(what, title string) string {
	if title == "" {
		return what
	}
	return what + ": " + firstLine(title)
}

func why(a outcome.About) []string {
	text := strings.Join(cleanLines(a.Rationale), " ")
	switch {
	case text == "" && a.Ref == "":
		return nil
	case a.Ref == "":
		return []string{"why: " + text}
	case text == "":
		return []string{"see: " + firstLine(a.Ref)}
	}
	return []string{"why: " + text + " (" + firstLine(a.Ref) + ")"}
}

// facts tells how often it was seen, how the conversation ended as each side saw
// it, and who ended it first.
func facts(r outcome.Result) []string {
	var lines []string
	if s := r.Share; s != nil {
		lines = append(lines, fmt.Sprintf("seen again in %d of %s", s.Failed, plural(s.Runs, "rerun")))
	}
	ends := endings(r.Ending)
	if f := r.First; f != nil {
		if ends != "" {
			ends += " · "
		}
		ends += fmt.Sprintf("first to end: %s, by %s at %.1f ms", ender(f.Side), segment(f.Ending), float64(f.At))
	}
	if ends != "" {
		lines = append(lines, ends)
	}
	return lines
}

func ender(s event.Side) string {
	if s == event.Proxy {
		return "the proxy (a fault)"
	}
	return "the " + string(s)
}

// segment names what is sent to end a stream.
func segment(e event.Ending) string {
	switch e {
	case event.EOF:
		return "FIN"
	case event.Reset:
		return "RST"
	}
	return ending(e)
}
