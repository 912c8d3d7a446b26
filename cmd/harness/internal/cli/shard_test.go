package cli

import (
	"strings"
	"testing"
)

// Each CI counts in its own way.
func TestShardOfEachCI(t *testing.T) {
	for _, tt := range []struct{ environment, want string }{
		{"HARNESS_SHARD=2/8", "2/8"},
		{"SHARD_INDEX=2 SHARD_TOTAL=8", "2/8"},
		{"JOB_COMPLETION_INDEX=0 HARNESS_SHARDS=8", "1/8"},
		{"TEST_SHARD_INDEX=7 TEST_TOTAL_SHARDS=8", "8/8"},
		{"BUILDKITE_PARALLEL_JOB=1 BUILDKITE_PARALLEL_JOB_COUNT=8", "2/8"},
		{"CIRCLE_NODE_INDEX=1 CIRCLE_NODE_TOTAL=8", "2/8"},
		{"CI_NODE_INDEX=2 CI_NODE_TOTAL=8", "2/8"},
		{"HARNESS_SHARD=1/2 CI_NODE_INDEX=2 CI_NODE_TOTAL=8", "1/2"},
		{"HARNESS_SHARD=x", "HARNESS_SHARD=x: want i/n"},
		{"JOB_COMPLETION_INDEX=8 HARNESS_SHARDS=8", "JOB_COMPLETION_INDEX=8, HARNESS_SHARDS=8 (Kubernetes, first shard 0): there is no shard 9 of 8"},
		{"CI_NODE_INDEX=two CI_NODE_TOTAL=8", "CI_NODE_INDEX=two (GitLab): not a number"},
		{"JOB_COMPLETION_INDEX=1", "no variable says which shard this is"},
	} {
		getenv := func(name string) string {
			for _, pair := range strings.Fields(tt.environment) {
				if value, ok := strings.CutPrefix(pair, name+"="); ok {
					return value
				}
			}
			return ""
		}
		shard, err := ParseShard("auto", getenv)
		switch {
		case err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: got %v, want %q", tt.environment, err, tt.want)
		case err == nil && shard.String() != tt.want:
			t.Errorf("%s: got %s, want %s", tt.environment, shard, tt.want)
		}
	}
}

func TestShardFlag(t *testing.T) {
	for _, value := range []string{"0/3", "4/3", "1", "1/", "/3", "a/b", "-1/3", "1/0", "1/99999", "1/3/4", "1.5/3"} {
		if s, err := ParseShard(value, nil); err == nil {
			t.Errorf("--shard %s: got %v, want an error", value, s)
		}
	}
	if s, err := ParseShard("", nil); s != nil || err != nil {
		t.Errorf("no shard: got %v, %v", s, err)
	}
}
