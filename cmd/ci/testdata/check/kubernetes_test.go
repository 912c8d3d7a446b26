package check

import (
	"slices"
	"testing"
)

// A job is what these tests read of a Job. What they do not read is checked by manifest.
type job struct {
	Metadata struct{ Name string }
	Spec     struct {
		CompletionMode       string
		Completions          int32
		BackoffLimitPerIndex int32
		PodFailurePolicy     struct {
			Rules []struct {
				Action      string
				OnExitCodes *struct {
					ContainerName string
					Values        []int32
				}
			}
		}
		Template struct{ Spec pod }
	}
}

type pod struct {
	RestartPolicy   string
	SecurityContext struct{ RunAsNonRoot bool }
	Containers      []struct {
		Name            string
		Env             []struct{ Name, Value string }
		VolumeMounts    []struct{ Name, SubPathExpr string }
		SecurityContext struct {
			AllowPrivilegeEscalation *bool // the default is true
			ReadOnlyRootFilesystem   bool
		}
	}
	Volumes []volume
}

type volume struct {
	Name                  string
	PersistentVolumeClaim *struct{ ClaimName string }
}

// The exit statuses of harness: these are the same when the same is run again.
var finalStatuses = []int32{1, 2, 4}

const retriedStatus int32 = 3

func TestKubernetesRetriesByExitStatus(t *testing.T) {
	_, shards, merge := manifest(t)
	for _, tt := range []struct {
		job   job
		final string
	}{{shards, "FailIndex"}, {merge, "FailJob"}} {
		name, pod := tt.job.Metadata.Name, tt.job.Spec.Template.Spec
		if pod.RestartPolicy != "Never" {
			t.Errorf("%s: restartPolicy is %s; a podFailurePolicy wants Never", name, pod.RestartPolicy)
		}
		actions := map[int32]string{}
		for _, rule := range tt.job.Spec.PodFailurePolicy.Rules {
			if rule.OnExitCodes == nil {
				continue
			}
			if got := rule.OnExitCodes.ContainerName; got != pod.Containers[0].Name {
				t.Errorf("%s: a rule is for container %q, want %s", name, got, pod.Containers[0].Name)
			}
			if !slices.IsSorted(rule.OnExitCodes.Values) {
				t.Errorf("%s: %v: the values must be in order", name, rule.OnExitCodes.Values)
			}
			for _, status := range rule.OnExitCodes.Values {
				actions[status] = rule.Action
			}
		}
		for _, status := range finalStatuses {
			if actions[status] != tt.final {
				t.Errorf("%s: status %d: got %s, want %s", name, status, actions[status], tt.final)
			}
		}
		if actions[retriedStatus] != "Count" {
			t.Errorf("%s: status %d: got %s, want Count", name, retriedStatus, actions[retriedStatus])
		}
	}
	if shards.Spec.BackoffLimitPerIndex < 1 {
		t.Error("a shard whose harness failed is not retried")
	}
}

func TestKubernetesShardsAreIndexes(t *testing.T) {
	claim, shards, merge := manifest(t)
	spec := shards.Spec
	if spec.CompletionMode != "Indexed" {
		t.Error("the job is not Indexed")
	}
	variables := map[string]string{}
	for _, v := range spec.Template.Spec.Containers[0].Env {
		variables[v.Name] = v.Value
	}
	if variables["HARNESS_SHARDS"] != "8" || spec.Completions != 8 {
		t.Errorf("HARNESS_SHARDS is %q and completions %d, want the same", variables["HARNESS_SHARDS"], spec.Completions)
	}
	id := merge.Spec.Template.Spec.Containers[0].Env[0]
	if id.Name != "HARNESS_RUN_ID" || id.Value != variables["HARNESS_RUN_ID"] {
		t.Errorf("the merge is of run %q, the shards of %q", id.Value, variables["HARNESS_RUN_ID"])
	}
	for _, job := range []job{shards, merge} {
		checkVolumes(t, job, claim)
		pod := job.Spec.Template.Spec
		if s := pod.Containers[0].SecurityContext; s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !pod.SecurityContext.RunAsNonRoot {
			t.Errorf("%s: the pod has more rights than it needs", job.Metadata.Name)
		}
	}
}

// checkVolumes checks what a job mounts: each is one of its volumes, and the results are in the claim.
func checkVolumes(t *testing.T, job job, claim string) {
	t.Helper()
	name, pod := job.Metadata.Name, job.Spec.Template.Spec
	for _, mount := range pod.Containers[0].VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v volume) bool { return v.Name == mount.Name }) {
			t.Errorf("%s mounts %s, which is no volume", name, mount.Name)
		}
		if mount.Name == "results" && mount.SubPathExpr != "$(HARNESS_RUN_ID)" {
			t.Errorf("%s: results of two runs would be in one folder", name)
		}
	}
	for _, volume := range pod.Volumes {
		if p := volume.PersistentVolumeClaim; p != nil && p.ClaimName != claim {
			t.Errorf("%s: claim %s, want %s", name, p.ClaimName, claim)
		}
	}
}
