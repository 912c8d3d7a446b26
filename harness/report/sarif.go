package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// sarifSchema is where SARIF 2.1.0 (OASIS, 2020) has its schema.
const sarifSchema = "https://json.schemastore.org/sarif-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string        `json:"id"`
	Short *sarifMessage `json:"shortDescription,omitempty"`
	Full  *sarifMessage `json:"fullDescription,omitempty"`
	Help  *sarifMessage `json:"help,omitempty"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	ExitCode      int                 `json:"exitCode"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string       `json:"level"`
	Message sarifMessage `json:"message"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifMessage      `json:"message"`
	Locations    []sarifLocation   `json:"locations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	State        string            `json:"baselineState,omitempty"`
	Properties   map[string]string `json:"properties"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine int `json:"startLine"`
		} `json:"region"`
	} `json:"physicalLocation"`
}

// WriteSARIF writes findings as SARIF 2.1.0, a rule for each scenario. A finding is at
// its scenario's line, else at the configuration.
func WriteSARIF(w io.Writer, d outcome.Run, strict bool) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "harness", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	if d.Environment != nil {
		run.Tool.Driver.Version = cleanLine(d.Environment.Version)
	}
	invocation := sarifInvocation{Successful: len(d.Problems) == 0 && d.Stopped == "", ExitCode: d.ExitCode(strict)}
	for _, p := range runProblems(d, strict) {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"error", sarifMessage{orDash(cleanFirst(p.Text))}})
	}
	run.Invocations = []sarifInvocation{invocation}
	for _, g := range groupResults(d.Results, strict, false) {
		if s := g.section; s == passed || s == unsupported || s == waived {
			continue
		}
		run.addFinding(d, g, strict)
	}
	if err := writeIndented(w, sarifLog{sarifSchema, "2.1.0", []sarifRun{run}}); err != nil {
		return fmt.Errorf("sarif write: %w", err)
	}
	return nil
}

func (s *sarifRun) addFinding(d outcome.Run, g group, strict bool) {
	r := g.exampleResult()
	text := cleanLine(g.subjectName()) + ": " + cleanFirst(r.Message)
	if share := variantShare(g); share != "" && len(g.scenarios) == 1 {
		text += " (" + cleanLine(share) + ")"
	}
	finding := sarifResult{RuleID: orDash(r.Scenario), RuleIndex: s.ruleIndex(d, r), Level: sarifLevel(g, strict), Message: sarifMessage{text},
		Fingerprints: map[string]string{"harness/v1": fingerprint(r.Scenario, r.Target, r.Check)}, State: sarifState(d, r),
		Properties: map[string]string{"target": cleanLine(r.Target), "level": string(r.Level), "verdict": string(r.Verdict)}}
	if r.Replay != "" {
		finding.Properties["replay"] = cleanLine(r.Replay)
	}
	if p := placeOf(d, r); p.File != "" {
		var at sarifLocation
		at.Physical.Artifact.URI = sarifURI(p.File)
		at.Physical.Region.StartLine = p.Line
		finding.Locations = []sarifLocation{at}
	}
	s.Results = append(s.Results, finding)
}

// ruleIndex returns the number of the scenario's rule, which it adds at first sight.
func (s *sarifRun) ruleIndex(d outcome.Run, r outcome.Result) int {
	rules := &s.Tool.Driver.Rules
	id := orDash(r.Scenario)
	if i := slices.IndexFunc(*rules, func(rule sarifRule) bool { return rule.ID == id }); i >= 0 {
		return i
	}
	rule := sarifRule{ID: id}
	message := func(text string) *sarifMessage {
		if text == "" {
			return nil
		}
		return &sarifMessage{text}
	}
	e := d.Scenarios[r.Scenario]
	rule.Short, rule.Full, rule.Help = message(cleanFirst(e.Title)), message(cleanText(e.Rationale)), message(cleanFirst(e.Ref))
	*rules = append(*rules, rule)
	return len(*rules) - 1
}

func sarifLevel(g group, strict bool) string {
	switch {
	case g.turnsRed(strict):
		return "error"
	case g.section == may || g.section == forInformation:
		return "note"
	}
	return "warning"
}

func sarifState(d outcome.Run, r outcome.Result) string {
	switch {
	case d.Baseline == nil:
		return ""
	case r.State == outcome.New || r.State == outcome.Regressed:
		return "new"
	}
	return "unchanged"
}

// sarifURI writes a path as a relative reference (RFC 3986 §4.2).
func sarifURI(path string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", "#", "%23", "?", "%3F", `\`, "/").Replace(path)
}
