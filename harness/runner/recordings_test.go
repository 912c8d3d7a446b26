package runner

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A control that fails is recorded too: once, for all results that it blocks.
func TestBlockedResultsHaveAFile(t *testing.T) {
	dir := t.TempDir()
	target := programTarget(t, scenario.Server)
	target.Client.Dialogue = &scenario.Source{File: "wrong.yaml", Text: []byte("dialogue: wrong\nframing: line\nexchanges:\n  - send: \"hello\\n\"\n    expect: \"NEVER\\n\"\n")}
	if _, err := dialogue.Parse(target.Client.Dialogue.File, target.Client.Dialogue.Text); err != nil {
		t.Fatal(err)
	}
	r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Tmp: t.TempDir(), Pcap: dir})
	defer r.Close()
	file := filepath.Join(dir, "server-control.pcapng")
	for range 2 {
		results := r.RunScenario(t.Context(), target, splitting(2))
		if len(results) != 1 || results[0].Verdict != outcome.Blocked || !slices.Equal(results[0].Captures, []string{file}) {
			t.Fatalf("got %+v, want one that is blocked, with %s", results, file)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("got %v, %v, want one file", all, err)
	}
	if text, err := os.ReadFile(file); err != nil || len(text) < 300 {
		t.Errorf("got %d bytes, %v", len(text), err)
	}
}
