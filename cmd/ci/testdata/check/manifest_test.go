package check

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	_ "k8s.io/api" // its examples are read; its types take tens of seconds to compile
	"sigs.k8s.io/yaml"
)

// manifest returns what kubernetes/job.yaml holds: the name of the claim, and the two jobs.
// Kubernetes must know each of its fields.
func manifest(t *testing.T) (claim string, shards, merge job) {
	t.Helper()
	documents := documents(t)
	for i, kind := range []string{"core.v1.PersistentVolumeClaim", "batch.v1.Job", "batch.v1.Job"} {
		for _, problem := range mistakes(example(t, kind), documents[i]) {
			t.Errorf("document %d: %s", i+1, problem)
		}
	}
	var named struct{ Metadata struct{ Name string } }
	for i, into := range []any{&named, &shards, &merge} {
		if err := yaml.Unmarshal([]byte(documents[i]), into); err != nil {
			t.Errorf("document %d: %v", i+1, err)
		}
	}
	return named.Metadata.Name, shards, merge
}

func documents(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../kubernetes/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documents := strings.Split(string(text), "\n---\n")
	if len(documents) != 3 {
		t.Fatalf("got %d documents, want 3", len(documents))
	}
	return documents
}

// mistakes returns what is wrong with a document: keys that stand twice, fields that the
// example does not have, values of another type.
func mistakes(example map[string]any, document string) []string {
	var value map[string]any
	if err := yaml.UnmarshalStrict([]byte(document), &value); err != nil {
		return []string{err.Error()}
	}
	problems := differences("", example, value)
	for _, field := range []string{"apiVersion", "kind"} {
		if value[field] != example[field] {
			problems = append(problems, fmt.Sprintf(".%s is %v, want %v", field, value[field], example[field]))
		}
	}
	return problems
}

// example returns the object with every field of a kind that is published with the API: its
// developers compare with it what the types are encoded as.
func example(t *testing.T, kind string) map[string]any {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "testdata", "HEAD", kind+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := yaml.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	return whole
}

// quantity matches what the example has as "0".
var quantity = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$`)

// differences returns where a value has another form than the example.
func differences(path string, example, value any) []string {
	switch want := example.(type) {
	case map[string]any:
		if got, ok := value.(map[string]any); ok {
			return fieldDifferences(path, want, got)
		}
	case []any:
		if got, ok := value.([]any); ok {
			var all []string
			for i, item := range got {
				all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), want[0], item)...)
			}
			return all
		}
	case float64: // the API has integers only
		if got, ok := value.(float64); ok && got == math.Trunc(got) {
			return nil
		}
	case string:
		if got, ok := value.(string); ok && (want != "0" || quantity.MatchString(got)) {
			return nil
		}
	default:
		if reflect.TypeOf(value) == reflect.TypeOf(example) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s is %#v, want one like %#v", path, value, example)}
}

// fieldDifferences compares objects. One whose keys are free, such as labels, has the one key
// labelsKey in the example.
func fieldDifferences(path string, example, value map[string]any) []string {
	name := path[strings.LastIndex(path, ".")+1:]
	item, free := example[name+"Key"]
	free = free && len(example) == 1
	var all []string
	for field, got := range value {
		want, known := example[field]
		switch {
		case free:
			all = append(all, differences(path+"."+field, item, got)...)
		case known:
			all = append(all, differences(path+"."+field, want, got)...)
		default:
			all = append(all, path+"."+field+" is unknown")
		}
	}
	return all
}

// Each of these mistakes in the manifest is found, and nothing else.
func TestManifestMistakesAreFound(t *testing.T) {
	shards, whole := documents(t)[1], example(t, "batch.v1.Job")
	for _, tt := range []struct{ old, new, want string }{
		{"completions: 8", "completion: 8", ".spec.completion is unknown"},
		{"completions: 8", `completions: "8"`, ".spec.completions is"},
		{"completions: 8", "completions: 8.5", ".spec.completions is"},
		{"readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true", ".spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem is unknown"},
		{"readOnlyRootFilesystem: true", `readOnlyRootFilesystem: "true"`, ".spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem is"},
		{"values: [3]", "values: 3", ".spec.podFailurePolicy.rules[2].onExitCodes.values is"},
		{`status: "True"`, "status: true", ".spec.podFailurePolicy.rules[1].onPodConditions[0].status is"},
		{"memory: 512Mi", "memory: 512MB", ".spec.template.spec.containers[0].resources.requests.memory is"},
		{"configMap: {name: harness-suite}", "configMap: harness-suite", ".spec.template.spec.volumes[0].configMap is"},
		{"kind: Job", "kind: Jobs", ".kind is"},
		{"restartPolicy: Never", "restartPolicy: Never\n      restartPolicy: Always", `key "restartPolicy" already set`},
	} {
		mistaken := strings.Replace(shards, tt.old, tt.new, 1)
		if problems := mistakes(whole, mistaken); len(problems) != 1 || !strings.Contains(problems[0], tt.want) {
			t.Errorf("%s: got %q, want one that has %q", tt.new, problems, tt.want)
		}
	}
}
