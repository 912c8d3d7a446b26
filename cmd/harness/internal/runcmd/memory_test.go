package runcmd

import (
	"runtime/debug"
	"testing"
)

// Many workers of a run keep their heaps small. Those of a zoo collect seldom. GOGC has the last word.
func TestWorkersOfAZooCollectSeldom(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	for _, c := range []struct {
		zoo   bool
		given string
		want  int
	}{{false, "", gcPercent}, {true, "", zooPercent}, {true, "77", 100}} {
		t.Setenv("GOGC", c.given)
		debug.SetGCPercent(100)
		collectAt(workerPercent(c.zoo))
		if got := debug.SetGCPercent(100); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}
