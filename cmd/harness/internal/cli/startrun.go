package cli

import (
	"context"
	"os"
)

// A Run is what a verb has that starts programs under test.
type Run struct {
	Tmp  string // folder for their files, see [RunDir]
	Self string // path of this program, for {self} in commands
}

// StartRun makes the folder of a run and returns a context that the first ^C ends, see
// [NotifyInterrupts]. The caller must release.
func StartRun(parent context.Context) (ctx context.Context, run Run, release func(), err error) {
	dir, err := NewRunDir()
	if err != nil {
		return nil, Run{}, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		dir.Remove()
		return nil, Run{}, nil, HarnessErrorf("own path: %w", err)
	}
	ctx, _, stop := NotifyInterrupts(parent)
	return ctx, Run{Tmp: dir.Path, Self: self}, func() { stop(); dir.Remove() }, nil
}
