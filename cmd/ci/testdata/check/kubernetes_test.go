package check

import (
	"os"
	"slices"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// manifest is kubernetes/job.yaml, decoded strictly: an unknown field is an error.
func manifest(t *testing.T) (claim core.PersistentVolumeClaim, shards, merge batch.Job) {
	t.Helper()
	text, err := os.ReadFile("../../kubernetes/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documents := strings.Split(string(text), "\n---\n")
	into := []any{&claim, &shards, &merge}
	if len(documents) != len(into) {
		t.Fatalf("got %d documents, want %d", len(documents), len(into))
	}
	for i, document := range documents {
		if err := yaml.UnmarshalStrict([]byte(document), into[i]); err != nil {
			t.Errorf("document %d: %v", i+1, err)
		}
	}
	return claim, shards, merge
}

// The exit statuses of harness: these are the same when the same is run again.
var finalStatuses = []int32{1, 2, 4}

const retriedStatus int32 = 3

func TestKubernetesRetriesByExitStatus(t *testing.T) {
	_, shards, merge := manifest(t)
	for _, tt := range []struct {
		job   batch.Job
		final batch.PodFailurePolicyAction
	}{{shards, batch.PodFailurePolicyActionFailIndex}, {merge, batch.PodFailurePolicyActionFailJob}} {
		pod := tt.job.Spec.Template.Spec
		if pod.RestartPolicy != core.RestartPolicyNever {
			t.Errorf("%s: restartPolicy is %s; a podFailurePolicy wants Never", tt.job.Name, pod.RestartPolicy)
		}
		actions := map[int32]batch.PodFailurePolicyAction{}
		for _, rule := range tt.job.Spec.PodFailurePolicy.Rules {
			if rule.OnExitCodes == nil {
				continue
			}
			if name := rule.OnExitCodes.ContainerName; name == nil || *name != pod.Containers[0].Name {
				t.Errorf("%s: a rule is for container %v, want %s", tt.job.Name, name, pod.Containers[0].Name)
			}
			if !slices.IsSorted(rule.OnExitCodes.Values) {
				t.Errorf("%s: %v: the values must be in order", tt.job.Name, rule.OnExitCodes.Values)
			}
			for _, status := range rule.OnExitCodes.Values {
				actions[status] = rule.Action
			}
		}
		for _, status := range finalStatuses {
			if actions[status] != tt.final {
				t.Errorf("%s: status %d: got %s, want %s", tt.job.Name, status, actions[status], tt.final)
			}
		}
		if actions[retriedStatus] != batch.PodFailurePolicyActionCount {
			t.Errorf("%s: status %d: got %s, want Count", tt.job.Name, retriedStatus, actions[retriedStatus])
		}
	}
	if shards.Spec.BackoffLimitPerIndex == nil || *shards.Spec.BackoffLimitPerIndex < 1 {
		t.Error("a shard whose harness failed is not retried")
	}
}

func TestKubernetesShardsAreIndexes(t *testing.T) {
	claim, shards, merge := manifest(t)
	spec := shards.Spec
	if spec.CompletionMode == nil || *spec.CompletionMode != batch.IndexedCompletion {
		t.Error("the job is not Indexed")
	}
	variables := map[string]string{}
	for _, v := range spec.Template.Spec.Containers[0].Env {
		variables[v.Name] = v.Value
	}
	if variables["HARNESS_SHARDS"] != "8" || *spec.Completions != 8 {
		t.Errorf("HARNESS_SHARDS is %q and completions %d, want the same", variables["HARNESS_SHARDS"], *spec.Completions)
	}
	id := merge.Spec.Template.Spec.Containers[0].Env[0]
	if id.Name != "HARNESS_RUN_ID" || id.Value != variables["HARNESS_RUN_ID"] {
		t.Errorf("the merge is of run %q, the shards of %q", id.Value, variables["HARNESS_RUN_ID"])
	}
	for _, job := range []batch.Job{shards, merge} {
		pod := job.Spec.Template.Spec
		container := pod.Containers[0]
		for _, mount := range container.VolumeMounts {
			if !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == mount.Name }) {
				t.Errorf("%s mounts %s, which is no volume", job.Name, mount.Name)
			}
			if mount.Name == "results" && mount.SubPathExpr != "$(HARNESS_RUN_ID)" {
				t.Errorf("%s: results of two runs would be in one folder", job.Name)
			}
		}
		for _, volume := range pod.Volumes {
			if p := volume.PersistentVolumeClaim; p != nil && p.ClaimName != claim.Name {
				t.Errorf("%s: claim %s, want %s", job.Name, p.ClaimName, claim.Name)
			}
		}
		if s := container.SecurityContext; s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !*pod.SecurityContext.RunAsNonRoot {
			t.Errorf("%s: the pod has more rights than it needs", job.Name)
		}
	}
}
