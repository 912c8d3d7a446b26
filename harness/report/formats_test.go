package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	junit "github.com/joshdk/go-junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/sockharness/harness/harness/outcome"
)

// render writes d in the format.
func render(t *testing.T, name string, d outcome.Run, strict bool) string {
	t.Helper()
	format, ok := FindFormat(name)
	if !ok {
		t.Fatalf("there is no format %q", name)
	}
	var b bytes.Buffer
	if err := format.Write(&b, d, strict); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostileRun has in every text what a format might take for its own.
func hostileRun() outcome.Run {
	const evil = "</script><img src=x onerror=alert(1)>]]>\x00\x1b[31m\x07\xff\u202e\u2028```\n# | * _\r\n::error::x\n--- \"'&%0A:,\\ #SKIP"
	d := aRun()
	r := aFailure("byte=6")
	r.Target, r.Scenario, r.Variant, r.Check = evil, "a/"+evil, evil+"="+evil, evil
	r.Message, r.Cause, r.Replay, r.Stderr, r.Notes = evil, evil, evil, evil, []string{evil}
	for i := range r.Events {
		r.Events[i].Proxy, r.Events[i].Toxic, r.Events[i].Detail = evil, evil, evil
	}
	r.Remarks = []outcome.Remark{{Text: evil, Declare: evil}}
	d.Problems = append(d.Problems, evil)
	d.ID, d.Environment = evil, &outcome.Environment{Version: evil, OS: evil, Kernel: evil, Host: evil, CI: evil, Commit: evil, Command: []string{evil}, Config: evil}
	d.Scenarios[r.Scenario] = outcome.Explanation{Title: evil, Rationale: evil, Ref: evil, File: evil, Line: -5}
	for _, v := range outcome.AllVerdicts() {
		r.Verdict = v
		d.Results = append(d.Results, r)
	}
	return d.WithResults(d.Results).CompareWith(evil, outcome.Run{}, false)
}

// Whatever the bytes: every format is UTF-8 without a control character that a terminal
// or a parser would act on.
func TestFormatsAreCleanWhateverTheBytes(t *testing.T) {
	for _, format := range Formats() {
		text := render(t, format.Name, hostileRun(), false)
		if !utf8.ValidString(text) {
			t.Errorf("%s: not UTF-8", format.Name)
		}
		for _, r := range text {
			if r != '\n' && r != '\t' && unicode.IsControl(r) || r == '\u202e' && format.Name != "json" {
				t.Errorf("%s: holds the character %U", format.Name, r)
				break
			}
		}
	}
	if text := render(t, "github", hostileRun(), false); strings.Count(text, "\n") != strings.Count(text, "::error ") {
		t.Errorf("github: a line is no command:\n%s", text)
	}
}

// foreign is what other people's tools make of our reports.
type foreign struct {
	CTRFErrors  []any `json:"ctrfErrors"`
	CTRF        ctrfSummary
	TAPOK       bool
	TAPPlan     int
	TAPCount    int
	TAPFailures []string
	TAP         struct {
		Pass, Fail, Skip, Todo int
		Junk                   []string
	}
	JUnit struct{ Tests, Passed, Failed, Skipped int }
}

// nodeModules returns the folder of the npm packages that tests use.
func nodeModules(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	install := exec.Command("sh", "../../fixtures/npm/install.sh")
	install.Stderr = os.Stderr
	out, err := install.Output()
	if err != nil {
		t.Fatalf("npm packages: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// The reference implementation of CTRF, a TAP parser and a reader of JUnit read the same
// counts out of our reports as we have put in.
func TestForeignToolsReadTheReports(t *testing.T) {
	modules := nodeModules(t)
	for name, d := range map[string]outcome.Run{"a run": aRun(), "a run of strange bytes": hostileRun(), "an empty shard": shardRun(), "a green run": greenRun()} {
		folder := t.TempDir()
		for file, format := range map[string]string{"run.ctrf": "ctrf", "run.tap": "tap", "run.xml": "junit"} {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(render(t, format, d, false)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("node", "testdata/foreign.mjs", modules, folder)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &stderr)
		}
		var got foreign
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
			t.Fatalf("%s: %v in %s", name, err, out)
		}
		checkForeign(t, name, d, got)
	}
}

func checkForeign(t *testing.T, name string, d outcome.Run, got foreign) {
	t.Helper()
	red := d.ExitCode(false) != outcome.ExitOK
	points := len(d.Results) + len(runProblems(d, false))
	if len(got.CTRFErrors) > 0 {
		t.Errorf("%s: the schema of CTRF refuses it: %v", name, got.CTRFErrors)
	}
	if got.CTRF.Tests != points || got.CTRF.Failed > 0 != red {
		t.Errorf("%s: CTRF has %+v, want %d tests and red=%v", name, got.CTRF, points, red)
	}
	if len(got.TAPFailures)+len(got.TAP.Junk) > 0 || got.TAPCount != points && points > 0 || got.TAPOK == red {
		t.Errorf("%s: the TAP parser says %+v, want %d points and ok=%v", name, got, points, !red)
	}
	if got.TAP.Fail != got.CTRF.Failed || got.TAP.Skip != got.CTRF.Skipped {
		t.Errorf("%s: TAP has %+v and CTRF %+v", name, got.TAP, got.CTRF)
	}
	if got.JUnit.Tests != points || got.JUnit.Failed > 0 != red {
		t.Errorf("%s: JUnit has %+v, want %d tests and red=%v", name, got.JUnit, points, red)
	}
}

func shardRun() outcome.Run {
	d := outcome.FoldResults(1, time.Unix(5, 0), 0, nil)
	d.Shard = &outcome.Shard{Index: 1, Total: 2, Plan: "p"}
	return d
}

func greenRun() outcome.Run {
	return outcome.FoldResults(1, time.Unix(5, 0), time.Second, []outcome.Result{{Target: "kv", Scenario: "a/b", Level: outcome.Must, Verdict: outcome.Pass}})
}

// A second reader of JUnit, written by others in Go, agrees.
func TestJUnitIsReadByAnotherParser(t *testing.T) {
	for name, d := range map[string]outcome.Run{"a run": aRun(), "strange bytes": hostileRun(), "green": greenRun()} {
		read, err := junit.Ingest([]byte(render(t, "junit", d, false)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		failed, errored, tests := 0, 0, 0
		for _, s := range read {
			failed += s.Totals.Failed
			errored += s.Totals.Error
			tests += s.Totals.Tests
		}
		if want := len(d.Results) + len(runProblems(d, false)); tests != want {
			t.Errorf("%s: %d tests were read, want %d", name, tests, want)
		}
		if red := failed+errored > 0; red != (d.ExitCode(false) != outcome.ExitOK) {
			t.Errorf("%s: read as red=%v, the exit status is %d", name, red, d.ExitCode(false))
		}
	}
}

func TestSARIFIsReadByItsLibrary(t *testing.T) {
	for name, d := range map[string]outcome.Run{"a run": aRun(), "strange bytes": hostileRun(), "green": greenRun()} {
		log, err := sarif.FromBytes([]byte(render(t, "sarif", d, false)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// Its defaults do not fit the schema; ours are what is checked.
		language := "en-US"
		log.Runs[0].Language, log.Runs[0].Tool.Driver.Language, log.Runs[0].NewlineSequences = language, language, []string{"\n"}
		if err := log.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		reds := 0
		for _, r := range log.Runs[0].Results {
			if r.Level == "error" {
				reds++
			}
		}
		if want := len(redGroups(groupResults(d.Results, false, false), false)); reds != want {
			t.Errorf("%s: %d errors, want the %d findings", name, reds, want)
		}
	}
}

// Of many findings nine are annotations and the tenth counts the rest, what is new first.
func TestGitHubAnnotationsAreAtMostTen(t *testing.T) {
	var results []outcome.Result
	for i := range 30 {
		results = append(results, outcome.Result{Target: fmt.Sprintf("t%d", i), Scenario: "a/b", Level: outcome.Must, Verdict: outcome.Fail, Message: fmt.Sprint("of another kind ", strings.Repeat("x", i))})
	}
	old := outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{{Target: "t29", Scenario: "a/b", Level: outcome.Must, Verdict: outcome.Pass}})
	d := outcome.FoldResults(1, time.Time{}, 0, results)
	for _, tt := range []struct{ n, want int }{{1, 1}, {9, 9}, {10, 10}, {11, 10}, {30, 10}} {
		text := render(t, "github", d.WithResults(results[:tt.n]), false)
		if got := strings.Count(text, "::error "); got != tt.want {
			t.Errorf("%d findings: got %d annotations, want %d", tt.n, got, tt.want)
		}
		if tt.n == 30 && !strings.Contains(text, "21 more findings are in the step summary") {
			t.Errorf("30 findings: got\n%s\nwant the count of the rest", text)
		}
	}
	compared := d.CompareWith("", old, false)
	for i := range compared.Results {
		if compared.Results[i].State == outcome.New {
			compared.Results[i].State = ""
		}
	}
	if text := render(t, "github", compared, false); !strings.HasPrefix(text, "::error title=FAIL a/b on t29::") {
		t.Errorf("got %s, want what has regressed first", strings.SplitN(text, "\n", 2)[0])
	}
}

func TestGitHubAnnotationIsAtTheScenario(t *testing.T) {
	d := aRun()
	d.Scenarios["segmentation/split"] = outcome.Explanation{File: "scenarios/split,2.yaml", Line: 14}
	if text := render(t, "github", d, false); !strings.Contains(text, "::error file=scenarios/split%2C2.yaml,line=14,title=FAIL segmentation/split on kv::the reply differs") {
		t.Errorf("got\n%s", text)
	}
}

// A summary is cut between sections, and says so.
func TestMarkdownIsCutAtWholeSections(t *testing.T) {
	var results []outcome.Result
	for i := range 400 {
		r := aFailure("byte=1")
		r.Target, r.Message, r.Cause = fmt.Sprintf("t%d", i), fmt.Sprint("kind ", strings.Repeat("x", i)), fmt.Sprint("cause ", i)
		r.Stderr = strings.Repeat(strings.Repeat("e", 99)+"\n", 60)
		results = append(results, r)
	}
	d := outcome.FoldResults(1, time.Time{}, 0, results)
	text := render(t, "md", d, false)
	if len(text) > 1<<20 || len(text) < 900_000 {
		t.Errorf("got %d bytes, want nearly 1 MiB", len(text))
	}
	if strings.Count(text, "<details>") != strings.Count(text, "</details>") || strings.Count(text, "```")%2 != 0 {
		t.Error("a section is cut in the middle")
	}
	if !strings.Contains(text, "sections are left out here, because a summary may have 1 MiB") {
		t.Errorf("the end does not say what is left out: %s", text[len(text)-200:])
	}
}

func TestFormatsGolden(t *testing.T) {
	d := aRun()
	d.ID = "r1"
	d.Environment = &outcome.Environment{Version: "v1", OS: "linux/amd64", Config: "harness.yaml"}
	for _, name := range []string{"ctrf", "tap", "md", "github", "gitlab", "sarif"} {
		checkGolden(t, "run."+name, []byte(render(t, name, d, false)))
	}
}
