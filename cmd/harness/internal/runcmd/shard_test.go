package runcmd

import "testing"

// All shards of one run have the same seed, without being told.
func TestSeedOfAShardComesFromTheRun(t *testing.T) {
	if again := sharedSeed("run 5"); again != sharedSeed("run 5") || sharedSeed("") != 1 || sharedSeed("run 5") == sharedSeed("run 6") {
		t.Errorf("got %d, %d, %d", sharedSeed(""), sharedSeed("run 5"), sharedSeed("run 6"))
	}
}
