package unix_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios/unix"
)

const talk = "dialogue: upper\nframing: line\nexchanges:\n  - {send: \"hello\\n\", expect: \"HELLO\\n\"}\n  - {send: \"bye\\n\", expect: \"BYE\\n\"}\nend: client closes\n"

// target is a program of testdata, as server or client.
func target(t *testing.T, role scenario.Role, words ...string) scenario.Target {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: no program to test")
	}
	program := scenario.Peer{Command: append([]string{python}, words...)}
	script := scenario.Peer{Dialogue: &scenario.Source{File: "upper.yaml", Text: []byte(talk)}}
	if role == scenario.Client {
		return scenario.Target{Name: words[0], Server: script, Client: program, Test: role, Dir: "testdata"}
	}
	return scenario.Target{Name: words[0], Server: program, Client: script, Test: role, Dir: "testdata"}
}

// play returns "verdict level" of each scenario and variant.
func play(t *testing.T, target scenario.Target) map[string]string {
	t.Helper()
	player := runner.New(runner.Config{Seed: 1, Tmp: t.TempDir()})
	defer player.Close()
	got := map[string]string{}
	for _, s := range unix.Scenarios() {
		if !s.Fits(target) {
			continue
		}
		for _, r := range player.RunScenario(t.Context(), target, s) {
			got[strings.TrimSpace(s.ID+" "+r.Variant)] = string(r.Verdict)
			t.Log(s.ID, r.Variant, r.Verdict, r.Level, r.Message)
		}
	}
	return got
}

func TestCarefulServer(t *testing.T) {
	for name, verdict := range play(t, target(t, scenario.Server, "careful.py", "{path}")) {
		if verdict != string(outcome.Pass) {
			t.Errorf("%s: %s", name, verdict)
		}
	}
}

// What each broken server fails, and nothing else.
func TestBrokenServers(t *testing.T) {
	for program, fails := range map[string][]string{
		"careless.py": {"unix/file-in-use", "unix/other-file", "unix/bind-fails folder=missing", "unix/bind-fails folder=file", "unix/long-path bytes=108", "unix/file-removed"},
		"timid.py":    {"unix/stale-file", "unix/file-removed"},
	} {
		t.Run(program, func(t *testing.T) {
			got := play(t, target(t, scenario.Server, program, "{path}"))
			for _, name := range fails {
				if got[name] != string(outcome.Fail) {
					t.Errorf("%s: %q, want a failure", name, got[name])
				}
				delete(got, name)
			}
			for name, verdict := range got {
				if verdict != string(outcome.Pass) {
					t.Errorf("%s: %s", name, verdict)
				}
			}
		})
	}
}

func TestClients(t *testing.T) {
	if got := play(t, target(t, scenario.Client, "client.py", "{path}")); got["unix/no-file"] != string(outcome.Pass) {
		t.Errorf("got %v, want a pass", got)
	}
	if got := play(t, target(t, scenario.Client, "client.py", "{path}", "quiet")); got["unix/no-file"] != string(outcome.Fail) {
		t.Errorf("got %v, want a failure", got)
	}
}
