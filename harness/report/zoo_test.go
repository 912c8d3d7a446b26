package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
)

var (
	zooColumns  = []string{"partialsend/split", "partialsend/drip", "eof/in-body", "eof/in-header", "reset/vanish", "refused/late"}
	zooPrograms = []Program{{"line/correct", ""}, {"line/one-recv", "partialsend/split"}, {"line/leak", "check:descriptors"}, {"line/spin", "eof/in-body"}}
)

// aZoo is a run on which every program is as it should be, and more results.
func aZoo(more ...outcome.Result) outcome.Run {
	is := func(target, scenario, variant, check string, v outcome.Verdict) outcome.Result {
		return outcome.Result{Target: target, Scenario: scenario, Variant: variant, Check: check, Level: outcome.Must, Verdict: v, Message: "because of " + scenario}
	}
	info := is("line/correct", "reset/vanish", "", "", outcome.Fail)
	info.Level = outcome.Info
	results := []outcome.Result{
		is("line/correct", "partialsend/split", "byte=1", "", outcome.Pass), is("line/correct", "partialsend/split", "byte=2", "", outcome.Pass),
		is("line/correct", "eof/in-header", "", "", outcome.Unsupported), is("line/correct", "eof/in-body", "", "", outcome.Pass), info,
		is("line/one-recv", "partialsend/split", "byte=1", "", outcome.Fail), is("line/one-recv", "partialsend/split", "byte=2", "", outcome.Pass),
		is("line/one-recv", "partialsend/drip", "", "", outcome.Fail),
		is("line/leak", "partialsend/split", "byte=1", "", outcome.Pass), is("line/leak", "eof/in-body", "", "descriptors", outcome.Fail),
		is("line/spin", "eof/in-body", "", "cpu", outcome.Fail),
	}
	return outcome.FoldResults(7, time.Time{}, 84*time.Second, append(results, more...))
}

func matrix(t *testing.T, d outcome.Run, programs []Program, o Options) (string, Zoo) {
	t.Helper()
	z := JudgeZoo(d, programs, zooColumns, o.Strict)
	var b bytes.Buffer
	if err := WriteMatrix(&b, d, z, o); err != nil {
		t.Fatal(err)
	}
	return b.String(), z
}

func TestMatrix(t *testing.T) {
	got, z := matrix(t, aZoo(), zooPrograms, Options{})
	checkGolden(t, "zoo.txt", []byte(got))
	if z.ExitCode(aZoo()) != outcome.ExitOK || z.Found != 3 || z.Planted != 3 {
		t.Errorf("got exit code %d, %d of %d", z.ExitCode(aZoo()), z.Found, z.Planted)
	}
	bad := aZoo(
		outcome.Result{Target: "line/correct", Scenario: "eof/in-body", Variant: "byte=3", Level: outcome.Must, Verdict: outcome.Fail, Message: "accused", Replay: "harness replay line eof/in-body"},
		outcome.Result{Target: "line/correct", Scenario: "partialsend/drip", Level: outcome.Info, Verdict: outcome.Flaky, Message: "now and then"},
		outcome.Result{Target: "line/one-recv", Scenario: "refused/late", Level: outcome.Must, Verdict: outcome.Invalid, Message: "did not strike"},
		outcome.Result{Target: "line/leak", Scenario: "refused/late", Level: outcome.Must, Verdict: outcome.Blocked, Message: "no control"})
	programs := append([]Program{{"line/idle", ""}, {"line/sly", "eof/in-body"}, {"line/never", "check:zombies"}}, zooPrograms...)
	got, z = matrix(t, bad, programs, Options{})
	checkGolden(t, "zoo-bad.txt", []byte(got))
	if z.ExitCode(bad) != outcome.ExitHarness {
		t.Errorf("got exit code %d", z.ExitCode(bad))
	}
}

// Each thing that is unexpected turns the zoo red by itself.
func TestZooExitCode(t *testing.T) {
	one := func(target, scenario string, l outcome.Level, v outcome.Verdict) outcome.Run {
		return aZoo(outcome.Result{Target: target, Scenario: scenario, Level: l, Verdict: v})
	}
	stopped, problem, changed := aZoo(), aZoo(), aZoo()
	stopped.Stopped, problem.Problems = "interrupted", []string{"worker 1 died"}
	changed.Rounds = &outcome.Rounds{Changed: []outcome.Change{{Target: "line/leak"}}}
	for _, tt := range []struct {
		name     string
		document outcome.Run
		programs []Program
		strict   bool
		want     int
	}{
		{"as it should be", aZoo(), zooPrograms, false, outcome.ExitOK},
		{"false alarm", one("line/correct", "eof/in-body", outcome.Must, outcome.Fail), zooPrograms, false, outcome.ExitVerdicts},
		{"should", one("line/correct", "eof/in-body", outcome.Should, outcome.Fail), zooPrograms, false, outcome.ExitOK},
		{"should, strict", one("line/correct", "eof/in-body", outcome.Should, outcome.Fail), zooPrograms, true, outcome.ExitVerdicts},
		{"more failures of a broken one", one("line/spin", "reset/vanish", outcome.Must, outcome.Fail), zooPrograms, false, outcome.ExitOK},
		{"flaky where nothing is wrong", one("line/correct", "reset/vanish", outcome.Must, outcome.Flaky), zooPrograms, false, outcome.ExitVerdicts},
		{"flaky where it is planted, and found by another variant", one("line/one-recv", "partialsend/split", outcome.Must, outcome.Flaky), zooPrograms, false, outcome.ExitOK},
		{"no more than flaky where it is planted", one("line/race", "eof/in-body", outcome.Must, outcome.Flaky), append([]Program{{"line/race", "eof/in-body"}}, zooPrograms...), false, outcome.ExitVerdicts},
		{"flaky elsewhere", one("line/spin", "reset/vanish", outcome.Must, outcome.Flaky), zooPrograms, false, outcome.ExitOK},
		{"blocked", one("line/spin", "reset/vanish", outcome.Must, outcome.Blocked), zooPrograms, false, outcome.ExitVerdicts},
		{"invalid", one("line/spin", "reset/vanish", outcome.Must, outcome.Invalid), zooPrograms, false, outcome.ExitHarness},
		{"missed", aZoo(), append([]Program{{"line/sly", "eof/in-body"}}, zooPrograms...), false, outcome.ExitVerdicts},
		{"found by another scenario only", aZoo(), append([]Program{{"line/one-recv", "eof/in-body"}}, zooPrograms[2:]...), false, outcome.ExitVerdicts},
		{"not tested", aZoo(), append([]Program{{"line/idle", ""}}, zooPrograms...), false, outcome.ExitVerdicts},
		{"nothing", outcome.FoldResults(1, time.Time{}, 0, nil), nil, false, outcome.ExitNothing},
		{"interrupted", stopped, zooPrograms, false, outcome.ExitInterrupted},
		{"problem", problem, zooPrograms, false, outcome.ExitHarness},
		{"changed", changed, zooPrograms, false, outcome.ExitVerdicts},
	} {
		if got := JudgeZoo(tt.document, tt.programs, zooColumns, tt.strict).ExitCode(tt.document); got != tt.want {
			t.Errorf("%s: got exit code %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Sixty scenarios in ten topics, on names as long as they get, fit.
func TestMatrixFits(t *testing.T) {
	var columns []string
	var results []outcome.Result
	for topic := range 10 {
		for i := range 6 {
			columns = append(columns, fmt.Sprintf("topic-%d-long/scenario-%d", topic, i))
			results = append(results, outcome.Result{Target: "length/python-body-short-read-and-more", Scenario: columns[len(columns)-1], Level: outcome.Must, Verdict: outcome.Pass})
		}
	}
	d := outcome.FoldResults(1, time.Time{}, 0, results)
	var b bytes.Buffer
	if err := WriteMatrix(&b, d, JudgeZoo(d, []Program{{"length/python-body-short-read-and-more", ""}}, columns, false), Options{Width: 160}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(b.String(), "\n") {
		if n := len([]rune(line)); n > 160 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestMatrixEscapes(t *testing.T) {
	evil := "\x1b[2J\x00\n"
	d := outcome.FoldResults(1, time.Time{}, 0, []outcome.Result{{Target: evil, Scenario: evil + "/" + evil, Check: evil, Verdict: outcome.Fail, Level: outcome.Must, Message: evil}})
	got, _ := matrix(t, d, []Program{{evil, evil}}, Options{})
	if strings.ContainsAny(got, "\x1b\x00") {
		t.Errorf("got %q", got)
	}
}
