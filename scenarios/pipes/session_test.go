package pipes

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

// An endingProcess is gone at the second look.
type endingProcess struct {
	scenario.Process
	looks int
}

func (p *endingProcess) Tree() []int {
	if p.looks++; p.looks > 1 {
		return nil
	}
	return []int{os.Getpid()}
}

// A server may end right before the proof that nothing in its tree runs any more.
func TestProofBehindTheEnd(t *testing.T) {
	proven, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("it is proven that the starter waits"))
	if err := awaitTree(proven, &endingProcess{}, func(pids []int) bool { return len(pids) == 0 }); err != nil {
		t.Errorf("got %v, want that the server is gone", err)
	}
	if err := awaitTree(proven, &endingProcess{}, func([]int) bool { return false }); err == nil {
		t.Error("a server that stays is gone")
	}
}
