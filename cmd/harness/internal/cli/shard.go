package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
)

// maxShards bounds --shard i/n.
const maxShards = 10_000

// shardVariables are where --shard auto looks, in order: the first pair of which both are
// set counts.
var shardVariables = []struct {
	system, index, total string
	first                int // number of the first shard
}{
	{"plain variables", "SHARD_INDEX", "SHARD_TOTAL", 1},
	{"Kubernetes", "JOB_COMPLETION_INDEX", "HARNESS_SHARDS", 0},
	{"Bazel", "TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", 0},
	{"Buildkite", "BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0},
	{"CircleCI", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0},
	{"GitLab", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1},
}

// ParseShard reads the value of --shard: i/n, or auto, which asks the variables of CI
// systems. It returns nil for "".
func ParseShard(value string, getenv func(string) string) (*outcome.Shard, error) {
	switch value {
	case "":
		return nil, nil
	case "auto":
		return detectShard(getenv)
	}
	shard, err := splitShard(value)
	if err != nil {
		return nil, UsageErrorf("--shard %s: %v", value, err)
	}
	return shard, nil
}

func splitShard(value string) (*outcome.Shard, error) {
	index, total, ok := strings.Cut(value, "/")
	i, errI := strconv.Atoi(index)
	n, errN := strconv.Atoi(total)
	switch {
	case !ok || errI != nil || errN != nil:
		return nil, errors.New("want i/n, such as 2/8, or auto")
	case n < 1 || n > maxShards:
		return nil, fmt.Errorf("want 1 to %d shards", maxShards)
	case i < 1 || i > n:
		return nil, fmt.Errorf("there is no shard %d of %d: the first is 1/%d, the last %d/%d", i, n, n, n, n)
	}
	return &outcome.Shard{Index: i, Total: n}, nil
}

// detectShard reads what the CI says about this job.
func detectShard(getenv func(string) string) (*outcome.Shard, error) {
	if value := getenv("HARNESS_SHARD"); value != "" {
		shard, err := splitShard(value)
		if err != nil {
			return nil, UsageErrorf("--shard auto: HARNESS_SHARD=%s: %v", value, err)
		}
		return shard, nil
	}
	for _, v := range shardVariables {
		index, total := getenv(v.index), getenv(v.total)
		if index == "" || total == "" {
			continue
		}
		i, err := strconv.Atoi(index)
		if err != nil {
			return nil, UsageErrorf("--shard auto: %s=%s (%s): not a number", v.index, index, v.system)
		}
		shard, err := splitShard(fmt.Sprintf("%d/%s", i-v.first+1, total))
		if err != nil {
			return nil, UsageErrorf("--shard auto: %s=%s, %s=%s (%s, first shard %d): %v", v.index, index, v.total, total, v.system, v.first, err)
		}
		return shard, nil
	}
	var names []string
	for _, v := range shardVariables {
		names = append(names, fmt.Sprintf("%s and %s (%s)", v.index, v.total, v.system))
	}
	return nil, UsageErrorf("--shard auto: no variable says which shard this is; use --shard i/n, or set HARNESS_SHARD=i/n; also read: %s", strings.Join(names, ", "))
}
