// Package check checks the files with which harness is run in CI and released. It is a
// module of its own, in a folder that ./... of harness leaves out, for the sake of what it
// checks with: the examples of Kubernetes, actionlint, the configuration of goreleaser.
package check

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
	"github.com/rhysd/actionlint"
	"sigs.k8s.io/yaml"
)

// root is the top of the repository, where the action of the workflow is looked up.
const root = "../../../.."

func TestWorkflowPassesActionlint(t *testing.T) {
	project, err := actionlint.NewProject(mustAbs(t, root))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	linter, err := actionlint.NewLinter(&out, &actionlint.LinterOptions{Shellcheck: "", Pyflakes: ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../../github/workflow.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := linter.Lint(file, text, project)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found {
			t.Errorf("%s: %v", file, e)
		}
	}
	// It must know the action: a wrong input is found.
	text, err := os.ReadFile("../../github/workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(string(text), "config: harness.yaml", "konfig: harness.yaml", 1)
	if found, err := linter.Lint("wrong.yml", []byte(wrong), project); err != nil || len(found) == 0 {
		t.Errorf("an input that the action does not have passes: %v, %v", found, err)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

type action struct {
	Inputs  map[string]struct{ Description, Default string }
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []struct {
			Name, Shell, Run, Uses, If, ID string
			Env                            map[string]string
			With                           map[string]string
		}
	}
}

func readAction(t *testing.T) action {
	t.Helper()
	text, err := os.ReadFile("../../github/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// Inputs reach scripts as variables only: what a branch or a title holds is never run.
func TestActionRunsNothingOfItsInputs(t *testing.T) {
	a := readAction(t)
	uploads := false
	for _, step := range a.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("step %q: an expression is in its script; use env", step.Name)
		}
		if step.Run != "" {
			checkShell(t, step.Name, step.Shell, step.Run)
		}
		uploads = uploads || strings.HasPrefix(step.Uses, "actions/upload-artifact@") && strings.Contains(step.If, "always()")
		for _, value := range step.Env {
			input := regexp.MustCompile(`\$\{\{ inputs\.(\w+) \}\}`).FindStringSubmatch(value)
			if _, known := a.Inputs[input[1]]; input == nil || !known {
				t.Errorf("step %q: %s is no input", step.Name, value)
			}
		}
	}
	if !uploads {
		t.Error("the reports are not kept when the run is red")
	}
}

func checkShell(t *testing.T, name, shell, script string) {
	t.Helper()
	cmd := exec.Command(shell, "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %s", name, out)
	}
}

// The script of the action, run as the runner does, with a harness that writes down what
// it was given.
func TestActionPassesWordsOn(t *testing.T) {
	dir := t.TempDir()
	fake := "#!/bin/sh\nfor w in \"$@\"; do echo \"[$w]\"; done >\"" + dir + "/words\"\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "harness"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, step := range readAction(t).Runs.Steps {
		if step.ID != "run" {
			continue
		}
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", step.Run)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "GITHUB_OUTPUT="+dir+"/output",
			"PATHS=builtin:eof 'my scenarios/a.yaml'", "CONFIG=", "ARGS=--focus '$(touch hacked) eof'", "SHARD=2/8", "BASELINE=old.json", "WAIVERS=", "REPORT=out", "ARTIFACT=harness")
		err := cmd.Run()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("got %v, want exit status 1", err)
		}
	}
	words, err := os.ReadFile(filepath.Join(dir, "words"))
	if err != nil {
		t.Fatal(err)
	}
	want := "[run]\n[--json]\n[out/shard-2.json]\n[--html]\n[out/shard-2.html]\n[--junit]\n[out/shard-2.xml]\n[--github]\n[--shard]\n[2/8]\n[--baseline]\n[old.json]\n[--focus]\n[$(touch hacked) eof]\n[builtin:eof]\n[my scenarios/a.yaml]\n"
	if string(words) != want {
		t.Errorf("got\n%swant\n%s", words, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "hacked")); err == nil {
		t.Error("an argument was run")
	}
	output, err := os.ReadFile(filepath.Join(dir, "output"))
	if want := "report=out\nartifact=harness-2\nstatus=1\n"; err != nil || string(output) != want {
		t.Errorf("got the outputs %q, want %q", output, want)
	}
}

func TestGitLabTemplateIsWhole(t *testing.T) {
	text, err := os.ReadFile("../../gitlab/harness.yml")
	if err != nil {
		t.Fatal(err)
	}
	head, body, found := strings.Cut(string(text), "\n---\n")
	if !found {
		t.Fatal("the template has no part behind its inputs")
	}
	var spec struct {
		Spec struct {
			Inputs map[string]struct {
				Description, Type string
				Default           any
			}
		}
	}
	if err := yaml.UnmarshalStrict([]byte(head), &spec); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\[\[ inputs\.(\w+) \]\]`).FindAllStringSubmatch(body, -1) {
		used[m[1]] = true
	}
	for name := range used {
		if _, known := spec.Spec.Inputs[name]; !known {
			t.Errorf("%s is used and is no input", name)
		}
	}
	for name := range spec.Spec.Inputs {
		if !used[name] {
			t.Errorf("the input %s is not used", name)
		}
	}
	var jobs map[string]struct {
		Extends   string
		Artifacts struct{ When string }
	}
	if err := yaml.Unmarshal([]byte(regexp.MustCompile(`\$\[\[[^\]]*\]\]`).ReplaceAllString(body, "1")), &jobs); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"harness", "harness-merge"} {
		if jobs[name].Extends != ".harness" || jobs[name].Artifacts.When != "always" {
			t.Errorf("job %s: got %+v, want the installation, and artifacts always", name, jobs[name])
		}
	}
}

func TestGoreleaserReadsItsConfiguration(t *testing.T) {
	project, err := config.Load("../../goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Builds) != 1 || len(project.Builds[0].Targets) != 7 || len(project.NFPMs) != 1 || len(project.SBOMs) != 1 {
		t.Errorf("got %d builds, %d packages, %d bills of materials", len(project.Builds), len(project.NFPMs), len(project.SBOMs))
	}
	if got := project.NFPMs[0].Formats; !slices.Equal(got, []string{"deb", "rpm", "apk"}) {
		t.Errorf("got the packages %v", got)
	}
	for _, d := range project.Dockers {
		if _, err := os.Stat(filepath.Join(root, d.Dockerfile)); err != nil {
			t.Error(err)
		}
	}
}

func TestGoreleaserMistakesAreFound(t *testing.T) {
	text, err := os.ReadFile("../../goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, mistake := range []string{"nfpmz: []\n", "nfpms: 5\n", "builds: {}\n"} {
		if _, err := config.LoadReader(strings.NewReader("version: 2\n" + mistake)); err == nil {
			t.Errorf("%q is read", mistake)
		}
	}
	wrong := strings.Replace(string(text), "formats: [deb", "format: [deb", 1)
	if _, err := config.LoadReader(strings.NewReader(wrong)); err == nil || wrong == string(text) {
		t.Errorf("a field that packages do not have is read: %v", err)
	}
}

// Both images have the same face: the daemon without arguments, no root.
func TestDockerfiles(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	modules, err := exec.Command("sh", filepath.Join(root, "fixtures/npm/install.sh")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../../image/Dockerfile", "../../image/goreleaser.Dockerfile"} {
		out, err := exec.Command("node", "dockerfile.mjs", strings.TrimSpace(string(modules)), file).Output()
		if err != nil {
			t.Fatal(err)
		}
		var found struct {
			Problems     []any
			Instructions []struct{ Name, Arguments string }
		}
		if err := json.Unmarshal(out, &found); err != nil {
			t.Fatal(err)
		}
		if len(found.Problems) > 0 {
			t.Errorf("%s: %v", file, found.Problems)
		}
		last := map[string]string{}
		for _, i := range found.Instructions {
			last[i.Name] = i.Arguments
		}
		for name, want := range map[string]string{"USER": "nonroot:nonroot", "ENTRYPOINT": `["/harness"]`, "CMD": `["-host=0.0.0.0"]`, "EXPOSE": "8474", "ENV": "HARNESS_INSECURE=1"} {
			if last[name] != want {
				t.Errorf("%s: %s %s, want %s", file, name, last[name], want)
			}
		}
		if !strings.Contains(last["FROM"], "distroless/static") || !strings.Contains(last["FROM"], "nonroot") {
			t.Errorf("%s: the last image is %s", file, last["FROM"])
		}
	}
}
