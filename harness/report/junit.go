package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

type suites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	tally
	Suites []suite `xml:"testsuite"`
}

type suite struct {
	Name string `xml:"name,attr"`
	tally
	Timestamp  string     `xml:"timestamp,attr,omitempty"`
	Properties []property `xml:"properties>property"`
	Cases      []testcase `xml:"testcase"`
}

// A tally counts cases. A case is in at most one of failures, errors, skipped.
type tally struct {
	Tests    int     `xml:"tests,attr"`
	Failures int     `xml:"failures,attr"`
	Errors   int     `xml:"errors,attr"`
	Skipped  int     `xml:"skipped,attr"`
	Time     seconds `xml:"time,attr"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testcase struct {
	Classname string  `xml:"classname,attr"`
	Name      string  `xml:"name,attr"`
	Time      seconds `xml:"time,attr"`

	Properties *[]property `xml:"properties>property"`

	Skipped *detail `xml:"skipped"`
	Failure *detail `xml:"failure"`
	Error   *detail `xml:"error"`
	Flaky   *detail `xml:"flakyFailure"`
	Out     *output `xml:"system-out"`
	Err     *output `xml:"system-err"`
}

type detail struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"` // encoding/xml replaces nothing in it: only what is clean may go in
}

type output struct {
	Text string `xml:",cdata"` // as above
}

func newOutput(text string) *output {
	if text == "" {
		return nil
	}
	return &output{text}
}

type seconds float64

// MarshalXMLAttr writes milliseconds' precision and never an exponent.
func (s seconds) MarshalXMLAttr(name xml.Name) (xml.Attr, error) {
	return xml.Attr{Name: name, Value: strconv.FormatFloat(float64(s), 'f', 3, 64)}, nil
}

// WriteJUnit writes the document as JUnit XML: a suite per target, a case per
// variant. It has a failure or an error exactly when the document's exit code
// is not zero: what the harness itself has to say is in a suite "harness". A
// failure at a level that does not count is told in the case's output. With
// strict, failures of level should count. It returns the error of the writer.
func WriteJUnit(w io.Writer, d outcome.Run, strict bool) error {
	out := suites{Name: "harness"}
	for _, s := range append(targetSuites(d, strict), harnessSuite(d, strict)...) {
		s.Timestamp = d.Started.UTC().Format("2006-01-02T15:04:05")
		s.Properties = runProperties(d, strict)
		for _, c := range s.Cases {
			s.addCase(c)
		}
		out.Suites = append(out.Suites, s)
		out.Tests += s.Tests
		out.Failures += s.Failures
		out.Errors += s.Errors
		out.Skipped += s.Skipped
	}
	out.Time = seconds(d.Elapsed.ToDuration().Seconds())
	data, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("junit write: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}

func (t *tally) addCase(c testcase) {
	t.Tests++
	t.Time += c.Time
	switch {
	case c.Error != nil:
		t.Errors++
	case c.Failure != nil:
		t.Failures++
	case c.Skipped != nil:
		t.Skipped++
	}
}

func runProperties(d outcome.Run, strict bool) []property {
	out := []property{{"seed", strconv.FormatInt(d.Seed, 10)}, {"strict", strconv.FormatBool(strict)}}
	if d.Stopped != "" {
		out = append(out, property{"stopped", cleanLine(d.Stopped)})
	}
	return out
}

func targetSuites(d outcome.Run, strict bool) []suite {
	var out []suite
	index := map[string]int{}
	names := map[string]int{}
	for _, r := range d.Results {
		i, ok := index[r.Target]
		if !ok {
			i = len(out)
			index[r.Target] = i
			out = append(out, suite{Name: cleanLine(r.Target)})
		}
		c := newCase(d, r, strict)
		names[r.Target+"\x00"+c.Name]++
		if n := names[r.Target+"\x00"+c.Name]; n > 1 { // a scenario of both roles, or a repeated run
			c.Name += fmt.Sprintf(" #%d", n)
		}
		out[i].Cases = append(out[i].Cases, c)
	}
	return out
}

// harnessSuite tells why a run is red beyond the verdicts on targets.
func harnessSuite(d outcome.Run, strict bool) []suite {
	s := suite{Name: "harness"}
	add := func(name, kind, text string) {
		s.Cases = append(s.Cases, testcase{Classname: "harness", Name: cleanLine(name),
			Error: &detail{Message: cleanFirst(text), Type: kind, Text: cleanText(text)}})
	}
	for i, problem := range d.Problems {
		add(fmt.Sprintf("problem %d", i+1), "problem", problem)
	}
	if d.Rounds != nil {
		for _, c := range d.Rounds.Changed {
			add("changed "+c.Scenario+" on "+c.Target, "changed", c.String())
		}
	}
	switch d.ExitCode(strict) {
	case outcome.ExitInterrupted:
		add("interrupted", "interrupted", "the run was interrupted and is not complete")
	case outcome.ExitNothing:
		add("no scenario ran", "nothing", "no scenario ran, so nothing was tested")
	}
	if len(s.Cases) == 0 {
		return nil
	}
	return []suite{s}
}

func newCase(d outcome.Run, r outcome.Result, strict bool) testcase {
	c := testcase{Classname: cleanLine(r.Target + "." + topicFolder(r.Scenario)), Name: caseName(r),
		Time: seconds(r.Elapsed.ToDuration().Seconds()), Err: newOutput(cleanText(r.Stderr))}
	reason := &detail{Message: cleanFirst(r.Message), Type: string(r.Verdict), Text: cleanText(r.Message)}
	told := ""
	switch r.Verdict {
	case outcome.Pass:
	case outcome.Unsupported, outcome.Waived:
		reason.Message = string(r.Verdict) + ": " + strings.TrimPrefix(reason.Message, string(r.Verdict)+": ")
		reason.Type = ""
		c.Skipped = reason
	case outcome.Flaky:
		c.Flaky = reason
		if r.TurnsRed(strict) {
			c.Failure = reason // else a reader that knows no flakyFailure would see green where the exit code is red
		}
	case outcome.Fail, outcome.Stale, outcome.Blocked:
		switch {
		case r.Verdict == outcome.Blocked && (r.TurnsRed(strict) || d.WasBlocked()):
			c.Error = reason // nothing was found out about the peer
		case r.TurnsRed(strict):
			c.Failure = reason
		case r.State == outcome.Ongoing:
			told = fmt.Sprintf("%s, as in the baseline, which does not count: %s\n", r.Verdict, cleanText(r.Message))
		default:
			told = fmt.Sprintf("%s at level %s, which does not count: %s\n", r.Verdict, cleanLine(string(r.Level)), cleanText(r.Message))
		}
	default:
		c.Error = reason
	}
	c.Properties = caseProperties(d, r)
	c.Out = newOutput(strings.TrimRight(told+systemOut(d, r), "\n"))
	return c
}

// topicFolder is the folder of the scenario, or the whole where it has none.
func topicFolder(scenario string) string {
	if i := strings.LastIndexByte(scenario, '/'); i > 0 {
		return strings.ReplaceAll(scenario[:i], "/", ".")
	}
	return scenario
}

// caseProperties are what is needed to play the case again.
func caseProperties(d outcome.Run, r outcome.Result) *[]property {
	if r.Verdict == outcome.Pass || r.Verdict == outcome.Unsupported {
		return nil
	}
	out := []property{{"seed", strconv.FormatInt(d.Seed, 10)}, {"level", cleanLine(string(r.Level))}, {"verdict", cleanLine(string(r.Verdict))}}
	for _, p := range []property{{"variant", r.Variant}, {"check", r.Check}, {"replay", r.Replay}, {"pcapng", strings.Join(r.Captures, " ")}} {
		if p.Value != "" {
			out = append(out, property{p.Name, cleanLine(p.Value)})
		}
	}
	return &out
}

func systemOut(d outcome.Run, r outcome.Result) string {
	p := &textWriter{}
	if r.Verdict != outcome.Pass && r.Verdict != outcome.Unsupported {
		p.addText("", plain, scenarioPurpose(d, r)...)
	}
	p.addText("", plain, factLines(r)...)
	p.writeNotes(r, Options{Verbose: true})
	t := newTimeline(r.Events)
	for _, m := range t.moments {
		lead, rest := t.formatRow(m)
		p.addLine(span{plain, lead + rest})
	}
	if r.Replay != "" {
		p.addLine(span{plain, "replay: " + r.Replay})
	}
	return p.buf.String()
}
