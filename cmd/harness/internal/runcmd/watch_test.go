package runcmd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/outcome"
)

func writeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file counts that is named, or that is YAML below a folder, also one that is new.
func TestFileWatch(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("scenarios/below", 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "server.py")
	w, err := newFileWatch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.setPaths([]string{"server.py", "missing", ""}, []string{"scenarios"})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, tt := range []struct {
		write []string
		want  []string
	}{
		{[]string{"server.py"}, []string{"server.py"}},
		{[]string{"other.py", "scenarios/readme.md", "scenarios/below/a.yaml"}, []string{filepath.Join("scenarios", "below", "a.yaml")}},
	} {
		for _, path := range tt.write {
			writeFile(t, path)
		}
		got, err := w.awaitChange(ctx)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("after %v: %v (-want +got)\n%s", tt.write, err, diff)
		}
	}
	if n := w.fileCount(); n != 2 {
		t.Errorf("%d files are watched, want 2", n)
	}
	cancel()
	if _, err := w.awaitChange(ctx); err == nil {
		t.Error("a watch goes on after its context has ended")
	}
}

func TestChangedVerdicts(t *testing.T) {
	run := func(verdicts ...any) map[string]outcome.Result {
		var d outcome.Run
		for i := 0; i < len(verdicts); i += 2 {
			d.Results = append(d.Results, outcome.Result{Scenario: verdicts[i].(string), Target: "t", Verdict: verdicts[i+1].(outcome.Verdict), Message: "why\nmore"})
		}
		return worstResults(d)
	}
	before := run("a", outcome.Pass, "a", outcome.Fail, "b", outcome.Pass, "c", outcome.Fail)
	now := run("a", outcome.Pass, "b", outcome.Flaky, "d", outcome.Pass)
	want := []string{"a on t: pass, was fail: why", "b on t: flaky, was pass: why", "c on t: fail, is gone", "d on t: new, pass: why"}
	if diff := cmp.Diff(want, changedVerdicts(before, now)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if lines := changedVerdicts(now, now); len(lines) > 0 {
		t.Errorf("nothing has changed, got %v", lines)
	}
}

func TestWithoutWatch(t *testing.T) {
	got := withoutWatch([]string{"run", "--watch", "a", "--watch=true", "--seed", "7"})
	if !slices.Equal(got, []string{"run", "a", "--seed", "7"}) {
		t.Errorf("got %v", got)
	}
}
