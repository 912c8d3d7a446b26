package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/outcome"
)

// ctrfVersion is of the specification of the Common Test Report Format.
const ctrfVersion = "0.0.0"

type ctrfReport struct {
	ReportFormat string        `json:"reportFormat"`
	SpecVersion  string        `json:"specVersion"`
	ReportID     string        `json:"reportId"`
	RunID        string        `json:"runId,omitempty"`
	Timestamp    string        `json:"timestamp"`
	GeneratedBy  string        `json:"generatedBy"`
	Results      ctrfResults   `json:"results"`
	Baseline     *ctrfBaseline `json:"baseline,omitempty"`
}

type ctrfResults struct {
	Tool        ctrfTool        `json:"tool"`
	Summary     ctrfSummary     `json:"summary"`
	Tests       []ctrfTest      `json:"tests"`
	Environment ctrfEnvironment `json:"environment"`
}

type ctrfTool struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

type ctrfSummary struct {
	Tests    int            `json:"tests"`
	Passed   int            `json:"passed"`
	Failed   int            `json:"failed"`
	Skipped  int            `json:"skipped"`
	Pending  int            `json:"pending"`
	Other    int            `json:"other"`
	Flaky    int            `json:"flaky"`
	Suites   int            `json:"suites"`
	Start    int64          `json:"start"` // milliseconds since 1970
	Stop     int64          `json:"stop"`
	Duration int64          `json:"duration"`
	Extra    map[string]any `json:"extra"`
}

type ctrfTest struct {
	ID         string            `json:"id"`
	TestID     string            `json:"testId"`
	Name       string            `json:"name"`
	Status     string            `json:"status"`
	RawStatus  string            `json:"rawStatus"`
	Duration   int64             `json:"duration"` // milliseconds
	Suite      []string          `json:"suite,omitempty"`
	Message    string            `json:"message,omitempty"`
	Trace      string            `json:"trace,omitempty"`
	FilePath   string            `json:"filePath,omitempty"`
	Line       int               `json:"line,omitempty"`
	Retries    int               `json:"retries,omitempty"`
	Flaky      bool              `json:"flaky,omitempty"`
	Stderr     []string          `json:"stderr,omitempty"`
	Attached   []ctrfAttachment  `json:"attachments,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Parameters map[string]any    `json:"parameters,omitempty"`
	Extra      map[string]any    `json:"extra,omitempty"`
}

type ctrfAttachment struct {
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	Path        string `json:"path"`
}

type ctrfEnvironment struct {
	TestEnvironment string         `json:"testEnvironment,omitempty"`
	Commit          string         `json:"commit,omitempty"`
	OSPlatform      string         `json:"osPlatform,omitempty"`
	OSRelease       string         `json:"osRelease,omitempty"`
	ShardID         string         `json:"shardId,omitempty"`
	Healthy         bool           `json:"healthy"`
	Extra           map[string]any `json:"extra,omitempty"`
}

type ctrfBaseline struct {
	ReportID  string         `json:"reportId"`
	Timestamp string         `json:"timestamp"`
	Source    string         `json:"source,omitempty"`
	Extra     map[string]any `json:"extra"`
}

// WriteCTRF writes the document in the Common Test Report Format, a test for each result,
// with our verdict as its rawStatus. A test has failed exactly when it turns the run red;
// what the harness itself has to say is a test of the suite "harness". Source:
// https://ctrf.io, specification 0.0.0.
func WriteCTRF(w io.Writer, d outcome.Run, strict bool) error {
	start := d.Started.UnixMilli()
	out := ctrfReport{ReportFormat: "CTRF", SpecVersion: ctrfVersion, ReportID: reportID(d.ID, d.Started, d.Shard), RunID: cleanLine(d.ID),
		Timestamp: d.Started.UTC().Format(time.RFC3339), GeneratedBy: "harness"}
	out.Results = ctrfResults{Tool: ctrfTool{Name: "harness"}, Tests: []ctrfTest{}, Environment: ctrfPlace(d)}
	if d.Environment != nil {
		out.Results.Tool.Version = cleanLine(d.Environment.Version)
	}
	out.Results.Summary = ctrfSummary{Start: start, Stop: start + int64(d.Elapsed), Duration: int64(d.Elapsed),
		Extra: map[string]any{"seed": d.Seed, "strict": strict, "verdicts": d.Summary, "exitStatus": d.ExitCode(strict)}}
	numbers := map[string]int{}
	for _, r := range d.Results {
		out.Results.add(newCTRFTest(d, r, strict, numbers))
	}
	for _, p := range runProblems(d, strict) {
		out.Results.add(ctrfTest{ID: uuidOf("problem", p.Name), TestID: fingerprint("problem", p.Name)[:16], Name: "harness: " + p.Name, Status: "failed",
			RawStatus: p.Kind, Suite: []string{"harness"}, Message: cleanFirst(p.Text), Trace: p.Text})
	}
	suites := map[string]bool{}
	for _, t := range out.Results.Tests {
		suites[strings.Join(t.Suite, "\x00")] = true
	}
	out.Results.Summary.Suites = len(suites)
	if b := d.Baseline; b != nil {
		out.Baseline = &ctrfBaseline{ReportID: reportID(b.ID, b.Started, nil), Timestamp: b.Started.UTC().Format(time.RFC3339), Source: cleanLine(b.Name), Extra: map[string]any{"states": b.Counts}}
	}
	if err := writeIndented(w, out); err != nil {
		return fmt.Errorf("ctrf write: %w", err)
	}
	return nil
}

// reportID is the UUID of a document: that of a run and its shard.
func reportID(id string, started time.Time, shard *outcome.Shard) string {
	place := ""
	if shard != nil {
		place = shard.String()
	}
	return uuidOf("report", id, started.UTC().String(), place)
}

func (c *ctrfResults) add(t ctrfTest) {
	s := &c.Summary
	s.Tests++
	switch t.Status {
	case "passed":
		s.Passed++
	case "failed":
		s.Failed++
	case "skipped":
		s.Skipped++
	default:
		s.Other++
	}
	if t.Flaky {
		s.Flaky++
	}
	c.Tests = append(c.Tests, t)
}

// ctrfStatus folds a verdict into CTRF's five; what turns the run red has failed.
func ctrfStatus(r outcome.Result, strict bool) string {
	switch {
	case r.TurnsRed(strict) || r.Verdict == outcome.Invalid:
		return "failed"
	case r.Verdict == outcome.Pass || r.Verdict == outcome.Flaky:
		return "passed"
	case r.Verdict == outcome.Unsupported:
		return "skipped"
	}
	return "other" // waived, ongoing, blocked or failed at a level that does not count
}

func newCTRFTest(d outcome.Run, r outcome.Result, strict bool, numbers map[string]int) ctrfTest {
	name := cleanLine(r.Target) + ": " + caseName(r)
	numbers[name]++
	if n := numbers[name]; n > 1 {
		name += fmt.Sprintf(" #%d", n)
	}
	t := ctrfTest{ID: uuidOf("test", d.ID, name), TestID: fingerprint("test", name)[:16], Name: name, Status: ctrfStatus(r, strict), RawStatus: string(r.Verdict),
		Duration: int64(r.Elapsed), Suite: []string{orDash(r.Target), orDash(topicLabel(r.Scenario))}, Flaky: r.Verdict == outcome.Flaky,
		Labels: map[string]string{"level": string(r.Level), "topic": topicLabel(r.Scenario)}, Parameters: variantParameters(r.Variant)}
	if r.Check != "" {
		t.Labels["check"] = cleanLine(r.Check)
	}
	if r.State != "" {
		t.Labels["state"] = string(r.State)
	}
	if r.Verdict == outcome.Pass {
		return t
	}
	t.Message = cleanFirst(r.Message)
	if r.Verdict == outcome.Unsupported {
		return t
	}
	t.Trace = strings.TrimRight(cleanText(r.Message)+"\n"+systemOut(d, r), "\n")
	t.Stderr = cleanLines(r.Stderr)
	if p := placeOf(d, r); p.File != "" {
		t.FilePath, t.Line = p.File, p.Line
	}
	for _, file := range r.Captures {
		t.Attached = append(t.Attached, ctrfAttachment{"pcapng", "application/x-pcapng", cleanLine(file)})
	}
	t.Extra = map[string]any{"ending": r.Ending}
	if r.Replay != "" {
		t.Extra["replay"] = cleanLine(r.Replay)
	}
	if s := r.Share; s != nil {
		t.Retries = s.Runs
		t.Extra["confirmed"] = fmt.Sprintf("%d of %d", s.Failed, s.Runs)
	}
	return t
}

// orDash is for elements that may not be empty.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return cleanLine(s)
}

// variantParameters splits "byte=12" into its key and value.
func variantParameters(variant string) map[string]any {
	if variant == "" {
		return nil
	}
	key, value := cutVariant(variant)
	if key == "" {
		return map[string]any{"variant": cleanLine(variant)}
	}
	key = cleanLine(strings.TrimSuffix(key, "="))
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return map[string]any{key: n}
	}
	return map[string]any{key: cleanLine(value)}
}

func ctrfPlace(d outcome.Run) ctrfEnvironment {
	e := ctrfEnvironment{Healthy: len(d.Problems) == 0}
	if d.Shard != nil {
		e.ShardID = d.Shard.String()
	}
	if d.Environment == nil {
		return e
	}
	platform, arch, _ := strings.Cut(d.Environment.OS, "/")
	e.TestEnvironment, e.Commit, e.OSPlatform, e.OSRelease = cleanLine(d.Environment.CI), cleanLine(d.Environment.Commit), cleanLine(platform), cleanLine(d.Environment.Kernel)
	e.Extra = map[string]any{"arch": cleanLine(arch), "cpus": d.Environment.CPUs}
	return e
}
